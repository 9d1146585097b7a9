package bundle_test

import (
	"bytes"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
)

// seeds gives each vector's file to f, or one member of each.
func seeds(f *testing.F, member string, add func(b []byte)) {
	seen := map[string]bool{}
	for _, v := range readVectors(f) {
		b := readFile(f, vectorDir, v.File)
		if member != "" {
			l, err := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				continue
			}
			m, _ := l.Find(member)
			if b, err = bundle.ReadMember(bytes.NewReader(b), m); err != nil {
				f.Fatal(err)
			}
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			add(b)
		}
	}
	if len(seen) < 5 {
		f.Fatalf("%d seeds", len(seen))
	}
}

// refused fails unless err says what it is.
func refused(t *testing.T, err error) {
	if bundle.LayerOf(err) == "" || fault.ClassOf(err) == fault.General {
		t.Errorf("no layer or class: %v", err)
	}
}

// FuzzReadLayout: what is accepted is made of its members alone.
func FuzzReadLayout(f *testing.F) {
	seeds(f, "", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		l, err := bundle.ReadLayout(r, int64(len(b)))
		if err != nil {
			refused(t, err)
			return
		}
		var again bytes.Buffer
		var sigs [][]byte
		for _, m := range l.Signatures() {
			sig, err := bundle.ReadMember(r, m)
			if err != nil {
				t.Fatal(err)
			}
			sigs = append(sigs, sig)
		}
		if err := bundle.Embed(&again, r, l, sigs); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Errorf("its own signatures embedded change it: %v", err)
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	seeds(f, bundle.ManifestName, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := bundle.ParseFrozen(b); err != nil {
			refused(t, err)
			if _, err := bundle.ParseInfo(b); err == nil {
				t.Error("whole, but not what is frozen")
			}
		}
		i, err := bundle.ParseInfo(b)
		if err != nil {
			refused(t, err)
			return
		}
		if again, err := i.Marshal(len(b)); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%v: marshals as %q", err, again)
		}
	})
}

// goodLayout is the layout against which sums and pieces are fuzzed.
func goodLayout(f *testing.F) *bundle.Layout {
	b := readFile(f, vectorDir, "good-update.packlift")
	l, err := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		f.Fatal(err)
	}
	return l
}

func FuzzParseSums(f *testing.F) {
	l := goodLayout(f)
	seeds(f, bundle.SumsName, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		sums, err := bundle.ParseSums(b, l)
		if err != nil {
			refused(t, err)
			return
		}
		var names []string
		for _, line := range strings.SplitAfter(string(b), "\n") {
			if len(line) > 67 {
				names = append(names, line[66:len(line)-1])
			}
		}
		if again := bundle.MarshalSums(names, sums); !bytes.Equal(again, b) {
			t.Errorf("marshals as %q", again)
		}
	})
}

func FuzzParsePieces(f *testing.F) {
	l := goodLayout(f)
	seeds(f, bundle.PiecesName, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := bundle.ParsePieces(b, l)
		if err != nil {
			refused(t, err)
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%v: marshals as %q", err, again)
		}
	})
}

func FuzzParseStatement(f *testing.F) {
	s := bundle.Statement{Tool: bundle.ToolProduct, OS: "linux", Arch: "amd64", Version: "1.3.0", Size: 1}
	f.Add(s.Marshal())
	f.Add(bytes.Replace(s.Marshal(), []byte("linux"), []byte("../.."), 1))
	f.Add(bytes.Replace(s.Marshal(), []byte(","), []byte(", "), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := bundle.ParseStatement(b)
		if err != nil {
			refused(t, err)
			return
		}
		if !bytes.Equal(s.Marshal(), b) {
			t.Errorf("marshals as %q", s.Marshal())
		}
	})
}
