package version

import (
	"runtime"
	"strings"
	"testing"
)

func TestCurrent(t *testing.T) {
	i := Get()
	if i.Version != Current() || !Valid(i.Version) {
		t.Errorf("%+v", i)
	}
	if i.OS != runtime.GOOS || i.Arch != runtime.GOARCH || i.Go != runtime.Version() || len(i.Date) != len("2026-11-21") {
		t.Errorf("%+v", i)
	}
	if !Valid(Minimum) {
		t.Error(Minimum)
	}
}

func TestValid(t *testing.T) {
	for _, v := range []string{"1.3.0", "0.0.1", "10.20.30", "1.4.0-rc.1"} {
		if !Valid(v) {
			t.Errorf("%q is refused", v)
		}
	}
	for _, v := range []string{"", "1", "1.3", "v1.3.0", "1.3.0+build", "01.3.0", "1.3.0 ", "1.3.0\n", "1.3.x", "-1.0.0", "1.3.0-" + strings.Repeat("a", 64)} {
		if Valid(v) {
			t.Errorf("%q passes", v)
		}
	}
}

func TestCompare(t *testing.T) {
	rising := []string{"0.9.9", "1.2.0", "1.3.0-rc.1", "1.3.0", "1.3.1", "1.10.0", "2.0.0"}
	for i := range rising {
		for j := range rising {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Compare(rising[i], rising[j]); got != want {
				t.Errorf("Compare(%s, %s) = %d", rising[i], rising[j], got)
			}
		}
	}
}
