package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// Nothing is drawn in the first second, and what was done in it counts for the rate.
func TestBarIsHeldBack(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(Streams{Err: &out})
	p := &Progress{c: c, what: "reading", start: time.Now(), stop: make(chan struct{})}
	p.At(10<<20, 100<<20)
	if p.show(p.start.Add(time.Second - 1)); out.Len() > 0 {
		t.Errorf("in the first second: %q", out.String())
	}
	p.show(p.start.Add(2 * time.Second))
	if !strings.Contains(out.String(), "reading  10% [==   ") || !strings.Contains(out.String(), "10 MiB of 100 MiB, 5 MiB/s, 0:18 left") {
		t.Errorf("later: %q", out.String())
	}
	p.Done()
	if text := out.String(); !strings.HasSuffix(text, " \r") || strings.Count(text, "\r") != 3 {
		t.Errorf("its line is not cleared at the end: %q", text)
	}
}

func TestBarLines(t *testing.T) {
	for _, c := range []struct {
		bar  bar
		want string
	}{
		{bar{"write", 0, 1 << 20, 2 * time.Second}, "write   0% [                        ] 0 B of 1 MiB, 0 B/s"},
		{bar{"write", 1 << 20, 1 << 20, 2 * time.Second}, "write  99% [======================= ] 1 MiB of 1 MiB, 512 KiB/s, 0:00 left"},
		{bar{"write", 3 << 20, 1 << 20, 2 * time.Second}, "write  99% [======================= ] 3 MiB of 1 MiB, 1.5 MiB/s, 0:00 left"},
		{bar{"read", 3 << 30, -1, 3700 * time.Second}, "read 3 GiB, 850.2 KiB/s, 1:01:40"},
		{bar{"read", 1, 1 << 40, time.Hour}, "read   0% [                        ] 1 B of 1 TiB, 0 B/s, over 100 hours left"},
		{bar{strings.Repeat("long ", 20), 1, 2, time.Second}, strings.Repeat("long ", 20)[:79]},
	} {
		if got := c.bar.line(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.bar, got, c.want)
		}
	}
}
