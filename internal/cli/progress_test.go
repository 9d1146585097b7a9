package cli

import (
	"bytes"
	"testing"
)

// Nothing is drawn in the first second, and what was done in it counts for the rate.
func TestBarIsHeldBack(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(Streams{Err: &out})
	p := &Progress{c: c, what: "reading", gate: gate{w: &out}}
	p.draw(10, 100, false)
	if p.bar == nil || out.Len() > 0 {
		t.Errorf("in the first second: %q", out.String())
	}
	if p.draw(20, 100, true); !bytes.Contains(out.Bytes(), []byte("reading")) {
		t.Errorf("later: %q", out.String())
	}
}
