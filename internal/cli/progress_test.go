package cli

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Nothing is drawn in the first second, and what was done in it counts for the rate.
func TestBarIsHeldBack(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(Streams{Err: &out})
	p := &Progress{c: c, what: "reading", start: time.Now(), bar: newBar("reading"), stop: make(chan struct{})}
	p.At(10<<20, 100<<20)
	if p.show(p.start.Add(time.Second - 1)); out.Len() > 0 {
		t.Errorf("in the first second: %q", out.String())
	}
	p.show(p.start.Add(2 * time.Second))
	if !strings.Contains(out.String(), "reading 10% [=") || !strings.Contains(out.String(), "10.00 MiB of 100.00 MiB") {
		t.Errorf("later: %q", out.String())
	}
	p.Done()
	if text := out.String(); !strings.HasSuffix(text, " \r") || strings.Count(text, "\r") != 3 {
		t.Errorf("its line is not cleared at the end: %q", text)
	}
}

func TestBarLines(t *testing.T) {
	for _, c := range []struct {
		what        string
		done, total int64
		want        string
	}{
		{"write", 0, 1 << 20, `^write 0% \[ +\] 0 B of 1\.00 MiB `},
		{"write", 1 << 19, 1 << 20, `^write 50% \[=+> +\] 512\.00 KiB of 1\.00 MiB `},
		{"write", 1 << 20, 1 << 20, `^write 99% \[=+> *\] [0-9.]+ [KM]iB of 1\.00 MiB `},
		{"write", 3 << 20, 1 << 20, `^write 99% \[=+> *\] [0-9.]+ [KM]iB of 1\.00 MiB `},
		{"read", 3 << 30, -1, `^read 3\.00 GiB `},
		{strings.Repeat("long ", 20), 1, 2, "^" + strings.Repeat("long ", 20)[:79] + "$"},
	} {
		got := newBar(c.what).line(c.done, c.total)
		if !regexp.MustCompile(c.want).MatchString(got) || len([]rune(got)) > 79 {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
