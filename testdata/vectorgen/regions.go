package vectorgen

import (
	"bytes"
	"fmt"

	"packlift/bundle"
	"packlift/internal/fault"
)

// truncations cuts the good update at each border and inside each member.
func (g *generator) truncations() {
	good := g.update().build()
	l, err := bundle.ReadLayout(bytes.NewReader(good), int64(len(good)))
	g.must(err)
	cut := func(name, about string, n int64) {
		g.fault(bundle.LayerOuter, fault.Truncated, "cut-"+name, "the file ends "+about, good[:n])
	}
	for _, m := range l.Members {
		w, end := word(m.Name), m.Offset+m.Size
		if m.Offset > 512 {
			cut("before-"+w, "before the header of "+m.Name, m.Offset-512)
		}
		cut("in-header-"+w, "inside the header of "+m.Name, m.Offset-212)
		cut("after-header-"+w, "after the header of "+m.Name, m.Offset)
		cut("inside-"+w, "inside "+m.Name, m.Offset+m.Size/2)
		if end%512 != 0 {
			cut("before-padding-"+w, "before the padding of "+m.Name, end)
		}
	}
	n := int64(len(good))
	cut("end", "without the zero blocks", n-1024)
	cut("one-zero-block", "after one zero block", n-512)
	cut("last-byte", "one byte early", n-1)
}

// flips turns one bit in each region of the good update; nothing is signed anew.
func (g *generator) flips() {
	good := g.update().build()
	l, err := bundle.ReadLayout(bytes.NewReader(good), int64(len(good)))
	g.must(err)
	layers := map[string]bundle.Layer{bundle.SumsName: bundle.LayerSignature, "sig/01.sig": bundle.LayerSignature}
	for _, m := range l.Members {
		layer, class := layers[m.Name], fault.Untrusted
		if layer == "" {
			layer, class = bundle.LayerDigest, fault.Tampered
		}
		for i, at := range []int64{0, m.Size / 2, m.Size - 1} {
			where := [3]string{"first", "middle", "last"}[i]
			g.fault(layer, class, fmt.Sprintf("flip-%s-%s", where, word(m.Name)), fmt.Sprintf("one bit of the %s byte of %s is flipped", where, m.Name), flip(good, int(m.Offset+at)))
		}
		g.fault(bundle.LayerOuter, fault.Tampered, "flip-header-"+word(m.Name), "one bit of the header of "+m.Name+" is flipped", flip(good, int(m.Offset-512+130)))
	}
}
