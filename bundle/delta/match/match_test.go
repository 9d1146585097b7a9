package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

func TestPlain(t *testing.T) {
	for _, c := range [][2]string{
		{"lib/allure-generator-2.43.0.jar", "lib/allure-generator-2.44.jar"},
		{"assets/index-BraRl9ss.js", "assets/index-TnctPo69.js"},
		{"css/main.3f2a91c0.css", "css/main.77b0e4d1.css"},
		{"lib/x-1.2.3.4.jar", "lib/x-10.2.jar"},
		{"a_9-b10", "a_10-b9"},
	} {
		if Plain(c[0]) != Plain(c[1]) {
			t.Errorf("%s is %s, %s is %s", c[0], Plain(c[0]), c[1], Plain(c[1]))
		}
	}
	for _, c := range [][2]string{{"lib/commons-io.jar", "lib/commons-lang.jar"}, {"MessageHandler.class", "SessionHandler.class"}, {"a/b.txt", "b/a.txt"}} {
		if Plain(c[0]) == Plain(c[1]) {
			t.Errorf("%s and %s are both %s", c[0], c[1], Plain(c[0]))
		}
	}
	if Plain("") != "" {
		t.Error("nothing became something")
	}
}

// TestSketch: likeness follows what is shared, and does not depend on writes.
func TestSketch(t *testing.T) {
	a, b := noise(1, 100000), noise(2, 100000)
	if v := Alike(Of(a), Of(a)); v != 1 {
		t.Errorf("the same: %v", v)
	}
	if v := Alike(Of(a), Of(b)); v != 0 {
		t.Errorf("nothing shared: %v", v)
	}
	if v := Alike(Of(a), Of(slices.Concat(a[:70000], b[:30000]))); v < 0.2 || v > 0.95 {
		t.Errorf("half shared: %v", v)
	}
	if Alike(nil, nil) != 0 || Alike(Of(a), nil) != 0 || len(Of([]byte("short"))) != 0 {
		t.Error("nothing is like something")
	}
	for _, cut := range []int{1, 3, 7, 8, 1000} {
		var s Sketcher
		for p := a[:5000]; len(p) > 0; p = p[min(cut, len(p)):] {
			s.Write(p[:min(cut, len(p))])
		}
		if !slices.Equal(s.Sketch(), Of(a[:5000])) {
			t.Errorf("cut at %d it differs", cut)
		}
	}
	if s := Of(a); len(s) != Marks || !slices.IsSorted(s) || len(s.AppendBinary(nil)) != 8*Marks {
		t.Error("marks are not as promised")
	}
}

func file(path string, digest byte, content []byte) File {
	return File{path, int64(len(content)), [32]byte{digest}, Of(content)}
}

func TestBases(t *testing.T) {
	a, b, c := noise(1, 50000), noise(2, 50000), noise(3, 50000)
	half := slices.Concat(a[:40000], c[:9000])
	old := []File{
		file("lib/a-1.0.jar", 1, a), file("lib/b-1.0.jar", 2, b), file("other/a-0.9.jar", 3, c), file("doc/readme", 4, noise(4, 3000)),
		file("copy/of/a.bin", 1, a), file("tiny", 5, []byte("tiny")),
	}
	for _, x := range []struct {
		name string
		new  File
		most int
		want []int
	}{
		{"same path", file("lib/b-1.0.jar", 9, noise(5, 50000)), 1, []int{1}},
		{"another version", file("lib/a-1.1.jar", 9, half), 1, []int{0}},
		{"moved and another version", file("plugins/a-1.1.jar", 9, half), 1, []int{0}},
		{"alike under another name", file("new/name.bin", 9, half), 4, []int{4, 2}},
		{"the same content first", file("lib/b-1.0.jar", 3, c), 2, []int{2, 1}},
		{"nothing", file("nowhere/at/all.txt", 9, noise(7, 4000)), 4, nil},
		{"tiny under another name", file("else/tiny", 9, []byte("tiny2")), 4, nil},
		{"tiny at the same path", file("tiny", 9, []byte("tiny2")), 4, []int{5}},
		{"none wanted", file("lib/b-1.0.jar", 9, b), 0, nil},
	} {
		got := Bases([]File{x.new}, old, x.most)
		if !slices.Equal(got[0], x.want) {
			t.Errorf("%s: %v, want %v", x.name, got[0], x.want)
		}
	}
	if got := Bases(nil, old, 3); len(got) != 0 {
		t.Error(got)
	}
}

// TestSmall: a small content is told from one base where that is nearly the same.
func TestSmall(t *testing.T) {
	a, b := noise(1, 5000), noise(2, 5000)
	old := []File{file("x/a-1.txt", 1, a), file("y/a-2.txt", 2, slices.Concat(a[:2500], b[:2500])), file("x/a-3.txt", 3, b)}
	for _, c := range []struct {
		content []byte
		want    []int
	}{
		{slices.Concat(a[:4900], []byte("another end")), []int{0}},
		{slices.Concat(a[:3500], b[:1500]), []int{0, 2, 1}},
	} {
		if got := Bases([]File{file("x/a-1.txt", 9, c.content)}, old, 4)[0]; !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

// TestMany: one plain name of very many files does not take for ever, and the
// result does not depend on chance.
func TestMany(t *testing.T) {
	var old, new []File
	for i := range 3000 {
		p := noise(uint64(i%500), 200)
		old = append(old, file(fmt.Sprintf("f/x%d.bin", i), byte(i), p))
		new = append(new, file(fmt.Sprintf("f/x%d.bin", i+1), byte(i+1), p))
	}
	one, two := Bases(new, old, 3), Bases(new, old, 3)
	for i := range one {
		if !slices.Equal(one[i], two[i]) {
			t.Fatalf("%v and %v", one[i], two[i])
		}
	}
}
