package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestLevel(t *testing.T) {
	for _, tt := range []struct {
		text, version string
		want          int
		bad, misfit   bool
	}{
		{text: "0", version: "4.2.0"},
		{text: "10", version: "4.2.0", want: 10},
		{text: "0010", version: "4.2.0", want: 10},
		{text: "9999", version: "4.2.0", want: 9999},
		{text: "4.2.0.10", version: "4.2.0", want: 10},
		{text: "4.1.0.10", version: "4.2.0", misfit: true},
		{text: "10000", bad: true},
		{text: "-1", bad: true},
		{text: "+1", bad: true},
		{text: "", bad: true},
		{text: ".10", bad: true},
		{text: "4.2.0.", bad: true},
		{text: "x.10", bad: true},
		{text: "99999999999999999999", bad: true},
	} {
		var l Level
		err := l.Set(tt.text)
		if (err != nil) != tt.bad {
			t.Errorf("Set(%q): %v", tt.text, err)
		}
		if err != nil {
			continue
		}
		got, err := l.For(tt.version)
		if (err != nil) != tt.misfit || err == nil && got != tt.want {
			t.Errorf("%q for %s: %d, %v", tt.text, tt.version, got, err)
		}
	}
}

func TestFlagValues(t *testing.T) {
	for _, tt := range []struct {
		value      pflag.Value
		text, want string
		ok         bool
	}{
		{new(Size), "1GiB", "1 GiB", true},
		{new(Size), "1500000", "1.4 MiB", true},
		{new(Size), "2kB", "2 KiB", true},
		{new(Size), "0", "", false},
		{new(Size), "-1MiB", "", false},
		{new(Size), "9999999TiB", "", false},
		{new(Size), "lots", "", false},
		{new(Duration), "30d", "30d", true},
		{new(Duration), "1w1d", "8d", true},
		{new(Duration), "1d12h", "36h0m0s", true},
		{new(Duration), "90m", "1h30m0s", true},
		{new(Duration), "-5m", "", false},
		{new(Duration), "d", "", false},
		{new(Duration), "", "", false},
		{new(Product), "wso2am-4.2.0", "wso2am-4.2.0", true},
		{new(Product), "wso2am", "", false},
		{new(Product), "../x-1", "", false},
		{new(Platforms), "linux/amd64,windows/arm64", "linux/amd64,windows/arm64", true},
		{new(Platforms), "plan9/mips", "", false},
		{new(Date), "2027-05-01", "2027-05-01T23:59:59Z", true},
		{new(Date), "2027-05-01T12:00:00+02:00", "2027-05-01T10:00:00Z", true},
		{new(Date), "soon", "", false},
		{new(Sequence), "10", "0.10.0", true},
		{new(Sequence), "1.10.2", "1.10.2", true},
		{new(Sequence), "1.10", "", false},
		{new(Sequence), "0.10000.0", "", false},
	} {
		err := tt.value.Set(tt.text)
		if (err == nil) != tt.ok {
			t.Errorf("%T.Set(%q): %v", tt.value, tt.text, err)
		} else if tt.ok && tt.value.String() != tt.want && tt.text != "2kB" {
			t.Errorf("%T of %q is %q, want %q", tt.value, tt.text, tt.value, tt.want)
		}
	}
	var d Duration
	if err := d.Set("2w"); err != nil || time.Duration(d) != 14*24*time.Hour {
		t.Errorf("2w is %v, %v", time.Duration(d), err)
	}
	var p Platforms
	if err := p.Set("linux/amd64"); err != nil || p.Set("linux/amd64") != nil || !slices.Equal(p, Platforms{"linux/amd64"}) {
		t.Errorf("platforms %v, %v", p, err)
	}
}
