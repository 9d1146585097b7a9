package tarball

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
)

func archive(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		if err := w.Create(members[i], int64(len(members[i+1]))); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, members[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var wide = Limits{MaxEntries: 10, MaxSize: 1 << 20}

// readAll gives names and contents in turn.
func readAll(b []byte, o Limits) ([]string, error) {
	r := NewReader(bytes.NewReader(b), o)
	var out []string
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		c, err := io.ReadAll(r)
		if err != nil {
			return out, err
		}
		out = append(out, e.Name, string(c))
	}
}

func TestRoundTrip(t *testing.T) {
	members := []string{"a", "", "b/c.txt", "hello", strings.Repeat("n", MaxName), strings.Repeat("x", 1024), "d", strings.Repeat("y", 513)}
	b := archive(t, members...)
	got, err := readAll(b, wide)
	if err != nil || strings.Join(got, "|") != strings.Join(members, "|") {
		t.Errorf("read %q, %v", got, err)
	}
	r := NewReader(bytes.NewReader(b), wide) // without reading contents
	for range 4 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestOthersRead holds headers against archive/tar and GNU tar, large sizes too.
func TestOthersRead(t *testing.T) {
	for _, size := range []int64{0, 1, maxOctal, maxOctal + 1, 1 << 40, MaxSize} {
		h, err := Header("name", size)
		if err != nil {
			t.Fatal(err)
		}
		other, err := tar.NewReader(bytes.NewReader(h[:])).Next()
		if err != nil || other.Size != size || other.Name != "name" || other.Mode != 0o644 {
			t.Errorf("size %d: archive/tar reads %+v, %v", size, other, err)
		}
		if name, got, err := ParseHeader(&h); err != nil || got != size || name != "name" {
			t.Errorf("size %d: read %q, %d, %v", size, name, got, err)
		}
	}
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip("no tar here")
	}
	h, _ := Header("large", maxOctal+1)
	cmd := exec.Command("tar", "-tv")
	cmd.Stdin = bytes.NewReader(h[:])
	out, _ := cmd.CombinedOutput() // it ends too early, after the listing
	if !strings.Contains(string(out), "8589934592") || !strings.Contains(string(out), "large") {
		t.Errorf("tar says %s", out)
	}
}

func TestHeaderRefuses(t *testing.T) {
	for name, size := range map[string]int64{"": 1, strings.Repeat("n", MaxName+1): 1, "negative": -1, "huge": MaxSize + 1} {
		if _, err := Header(name, size); err == nil {
			t.Errorf("%q, %d is accepted", name, size)
		}
	}
}

// TestEveryBit flips each bit of a header: none may go unseen.
func TestEveryBit(t *testing.T) {
	for _, size := range []int64{0o1234, maxOctal + 5} {
		h, _ := Header("blob/abc", size)
		for i := range len(h) * 8 {
			bad := h
			bad[i/8] ^= 1 << (i % 8)
			name, got, err := ParseHeader(&bad)
			if err == nil {
				t.Fatalf("bit %d of byte %d: accepted as %q, %d", i%8, i/8, name, got)
			}
		}
	}
}

// TestSpellings refuses what other tars accept.
func TestSpellings(t *testing.T) {
	for name, edit := range map[string]func(b *[BlockSize]byte){
		"size with spaces": func(b *[BlockSize]byte) { copy(b[offSize:], "      12345 ") },
		"small base-256":   func(b *[BlockSize]byte) { copy(b[offSize:], "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05") },
		"negative":         func(b *[BlockSize]byte) { copy(b[offSize:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
		"too large":        func(b *[BlockSize]byte) { copy(b[offSize:], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff") },
		"mode 755":         func(b *[BlockSize]byte) { copy(b[offMode:], "0000755") },
		"owner":            func(b *[BlockSize]byte) { copy(b[265:], "root") },
		"old gnu magic":    func(b *[BlockSize]byte) { copy(b[offMagic:], "ustar  \x00") },
		"v7":               func(b *[BlockSize]byte) { copy(b[offMagic:], make([]byte, 8)) },
		"prefix":           func(b *[BlockSize]byte) { copy(b[offFill:], "dir") },
		"name after NUL":   func(b *[BlockSize]byte) { b[50] = 'x' },
		"hard link":        func(b *[BlockSize]byte) { b[offType] = '1'; copy(b[offLink:], "etc") },
	} {
		h, _ := Header("blob/abc", 5)
		edit(&h)
		copy(h[offSum:], []byte("        "))
		sum := checksum(&h)
		copy(h[offSum:], []byte{byte('0' + sum>>15&7), byte('0' + sum>>12&7), byte('0' + sum>>9&7), byte('0' + sum>>6&7), byte('0' + sum>>3&7), byte('0' + sum&7), 0, ' '})
		if _, _, err := ParseHeader(&h); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	good := archive(t, "a", "hello", "b", "x")
	cut := func(from, to int) []byte { return append(bytes.Clone(good[:from]), good[to:]...) }
	flip := func(i int) []byte { b := bytes.Clone(good); b[i] ^= 1; return b }
	for name, c := range map[string]struct {
		b     []byte
		o     Limits
		class fault.Class
	}{
		"empty":               {nil, wide, fault.Truncated},
		"no end":              {good[:len(good)-Trailer], wide, fault.Truncated},
		"one zero block":      {good[:len(good)-BlockSize], wide, fault.Truncated},
		"ends inside content": {good[:BlockSize+3], wide, fault.Truncated},
		"ends in padding":     {good[:BlockSize+7], wide, fault.Truncated},
		"ends inside header":  {good[:2*BlockSize+7], wide, fault.Truncated},
		"padding":             {flip(BlockSize + 5), wide, fault.Tampered},
		"second zero block":   {flip(len(good) - 1), wide, fault.Tampered},
		"a byte follows":      {append(bytes.Clone(good), 0), wide, fault.Tampered},
		"a block follows":     {append(bytes.Clone(good), make([]byte, BlockSize)...), wide, fault.Tampered},
		"header lost":         {cut(0, BlockSize), wide, fault.Tampered},
		"too many":            {good, Limits{MaxEntries: 1, MaxSize: 10}, fault.Tampered},
		"too large":           {good, Limits{MaxEntries: 9, MaxSize: 4}, fault.Tampered},
		"not allowed":         {good, Limits{MaxEntries: 9, MaxSize: 9, Allow: func(n string) error { return errors.New("no " + n) }}, fault.Tampered},
		"twice":               {archive(t, "a", "", "a", ""), wide, fault.Tampered},
		"case":                {archive(t, "dir/a", "", "DIR/A", ""), wide, fault.Tampered},
		"unsorted":            {archive(t, "b", "", "a", ""), Limits{MaxEntries: 9, Sorted: true}, fault.Tampered},
		"sorted twice":        {archive(t, "b", "", "b", ""), Limits{MaxEntries: 9, Sorted: true}, fault.Tampered},
		"absolute":            {archive(t, "/a", ""), wide, fault.Tampered},
		"climbs":              {archive(t, "a/../b", ""), wide, fault.Tampered},
		"device":              {archive(t, "blob/con.txt", ""), wide, fault.Tampered},
		"control":             {archive(t, "a\x1bb", ""), wide, fault.Tampered},
		"backslash":           {archive(t, `a\b`, ""), wide, fault.Tampered},
	} {
		_, err := readAll(c.b, c.o)
		var mine *Error
		if fault.ClassOf(err) != c.class || !errors.As(err, &mine) {
			t.Errorf("%s: %v (%v)", name, err, fault.ClassOf(err))
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestErrorsBeneath: what the reader beneath says is passed on as it is.
func TestErrorsBeneath(t *testing.T) {
	beneath := errors.New("beneath")
	for _, n := range []int{0, 100, BlockSize, BlockSize + 2, BlockSize + 100} {
		r := NewReader(io.MultiReader(bytes.NewReader(archive(t, "a", "hello")[:n]), failing{beneath}), wide)
		var err error
		for err == nil {
			if _, err = r.Next(); err == nil {
				_, err = io.ReadAll(r)
			}
		}
		var mine *Error
		if !errors.Is(err, beneath) || errors.As(err, &mine) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	w := NewWriter(io.Discard)
	w.Create("a", 3)
	if _, err := w.Write([]byte("four")); err == nil {
		t.Error("more than the size")
	}
	w = NewWriter(io.Discard)
	w.Create("a", 3)
	w.Write([]byte("ab"))
	if w.Create("b", 1) == nil || w.Close() == nil {
		t.Error("less than the size")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(archive(f, "a", "hello", "b/c", ""))
	f.Add(archive(f))
	vectors, err := filepath.Glob("../../testdata/vectors/outer-*.packlift")
	if err != nil || len(vectors) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, name := range vectors {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		members, err := readAll(b, wide)
		if err == nil && !bytes.Equal(archive(t, members...), b) {
			t.Errorf("read %q from an archive that is spelled otherwise", members)
		}
	})
}
