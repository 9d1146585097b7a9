package merge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// edit gives lines with some changed, added, removed, moved or doubled.
func edit(r *rand.Rand, lines []string, few int) []string {
	out := slices.Clone(lines)
	for range 1 + r.IntN(few) {
		at := r.IntN(len(out) + 1)
		end := min(len(out), at+r.IntN(4))
		var in []string
		for range r.IntN(4) {
			in = append(in, line(r))
		}
		if r.IntN(8) == 0 && len(lines) > 0 { // a copy of what is there
			from := r.IntN(len(lines))
			in = lines[from:min(len(lines), from+3)]
		}
		out = slices.Replace(out, at, end, in...)
	}
	return out
}

// line is one of few, so that many are alike.
func line(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return "\n"
	}
	return fmt.Sprintf("key%d = %d\n", r.IntN(12), r.IntN(3))
}

func generated(r *rand.Rand) (base, ours, theirs []string) {
	for range r.IntN(60) {
		base = append(base, line(r))
	}
	return base, edit(r, base, 4), edit(r, base, 4)
}

func eachCase(t *testing.T, do func(r *rand.Rand, base, ours, theirs []string)) {
	t.Helper()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		base, ours, theirs := generated(r)
		do(r, base, ours, theirs)
		if t.Failed() {
			t.Fatalf("seed %d: base %q ours %q theirs %q", seed, base, ours, theirs)
		}
	}
}

// TestLaws asks the algorithm itself, not the shortcuts that Text takes.
func TestLaws(t *testing.T) {
	eachCase(t, func(_ *rand.Rand, b, x, y []string) {
		for _, c := range []struct {
			name                      string
			base, ours, theirs, wants []string
		}{{"merge(b,x,b)", b, x, b, x}, {"merge(b,b,y)", b, b, y, y}, {"merge(b,x,x)", b, x, x, x}} {
			if got, ok := mergeLines(c.base, c.ours, c.theirs); !ok || !slices.Equal(got, c.wants) {
				t.Errorf("%s = %q, %v, want %q", c.name, got, ok, c.wants)
			}
		}
		one, ok1 := mergeLines(b, x, y)
		two, ok2 := mergeLines(b, y, x)
		if ok1 != ok2 || !slices.Equal(one, two) {
			t.Errorf("not symmetric: %q, %v and %q, %v", one, ok1, two, ok2)
		}
	})
}

func counts(lines []string) map[string]int {
	n := map[string]int{}
	for _, l := range lines {
		n[l]++
	}
	return n
}

// TestNoLineLost: what a side added is there, what a side took away is gone, and
// nothing else: by count of equal lines, the result is base + (ours-base) +
// (theirs-base), less changes that both made. A line that is new is there as often as
// in either side, and one that is in neither is gone.
func TestNoLineLost(t *testing.T) {
	clean := 0
	eachCase(t, func(_ *rand.Rand, b, x, y []string) {
		got, ok := mergeLines(b, x, y)
		if !ok {
			return
		}
		clean++
		nb, nx, ny, n := counts(b), counts(x), counts(y), counts(got)
		for _, l := range slices.Concat(b, x, y, got) {
			dx, dy := nx[l]-nb[l], ny[l]-nb[l]
			low, high := min(dx, dy, dx+dy), max(dx, dy, dx+dy)
			if nb[l] == 0 { // no side can have moved it
				low = max(dx, dy)
			}
			if nx[l] == 0 && ny[l] == 0 {
				high = -nb[l]
			}
			if d := n[l] - nb[l]; d < low || d > high {
				t.Errorf("%q: base %d, ours %+d, theirs %+d, result %+d", l, nb[l], dx, dy, d)
			}
		}
	})
	if clean < 300 {
		t.Fatalf("only %d of the cases merge: nothing is shown", clean)
	}
}

func TestText(t *testing.T) {
	utf16 := func(s string, k Kind) string { return string(encodeUTF16(s, k)) }
	long := strings.Repeat("x\n", MaxText/2+1)
	for _, c := range []struct {
		name, base, ours, theirs, want string
		why                            Reason
	}{
		{"both ends", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", ""},
		{"neighbours", "a\nb\n", "A\nb\n", "a\nB\n", "", Overlap},
		{"the same twice", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\nd\n", "a\nX\nc\nd\n", ""},
		{"same place", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "", Overlap},
		{"nothing was there", "", "x\n", "y\n", "", Overlap},
		{"taken away and changed", "a\nb\nc\n", "a\nc\n", "a\nB\nc\n", "", Overlap},
		{"no last newline here", "a\nb\nc", "A\nb\nc", "a\nb\nc\nd\n", "A\nb\nc\nd\n", ""},
		{"last newline taken away", "a\nb\nc\n", "a\nb\nc", "A\nb\nc\n", "A\nb\nc", ""},
		{"both add at an end without newline", "a\nb", "a\nb\nx\n", "a\nb\ny\n", "", Overlap},
		{"CRLF everywhere", "a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", ""},
		{"an editor made it CRLF", "a\nb\nc\n", "A\r\nb\r\nc\r\n", "a\nb\nC\n", "A\r\nb\r\nC\r\n", ""},
		{"the update made it CRLF", "a\nb\nc\n", "A\nb\nc\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", ""},
		{"mixed ends stay", "a\r\nb\nc\r\nd\n", "A\r\nb\nc\r\nd\n", "a\r\nb\nc\r\nD\n", "A\r\nb\nc\r\nD\n", ""},
		{"only line ends changed on both sides", "a\nb\n", "a\r\nb\r\n", "a\r\nb\r\nc\r\n", "a\r\nb\r\nc\r\n", ""},
		{"mark put here", "a\nb\nc\n", "\xef\xbb\xbfä\nb\nc\n", "a\nb\nC\n", "\xef\xbb\xbfä\nb\nC\n", ""},
		{"mark taken away by the update", "\xef\xbb\xbfa\nb\nc\n", "\xef\xbb\xbfA\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", ""},
		{"Latin-1", "a\nb\nc\n", "\xe4\nb\nc\n", "a\nb\n\xf6\n", "\xe4\nb\n\xf6\n", ""},
		{"Latin-1 against UTF-8", "a\nb\nc\n", "\xe4\nb\nc\n", "a\nb\nö\n", "", Encodings},
		{"UTF-16", utf16("a\r\nb\r\nc\r\n", UTF16LE), utf16("ä\r\nb\r\nc\r\n", UTF16LE), utf16("a\r\nb\r\n𝄞\r\n", UTF16LE), utf16("ä\r\nb\r\n𝄞\r\n", UTF16LE), ""},
		{"the update turns UTF-16 into UTF-8", utf16("a\nb\nc\n", UTF16BE), utf16("ä\nb\nc\n", UTF16BE), "a\nb\nC\n", "ä\nb\nC\n", ""},
		{"three encodings", "a\nb\nc\n", utf16("ä\nb\nc\n", UTF16BE), utf16("a\nb\nC\n", UTF16LE), "", Encodings},
		{"a zero byte", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nc\x00\n", "", NotText},
		{"too long", long, "y\n" + long, long + "z\n", "", NotText},
		{"too long together", "a\nb\nc\n", strings.Repeat("x", MaxText-10) + "\na\nb\nc\n", "a\nb\nc\n" + strings.Repeat("y", 20) + "\n", "", NotText},
	} {
		for _, swap := range []bool{false, true} {
			ours, theirs := c.ours, c.theirs
			if swap {
				ours, theirs = theirs, ours
			}
			got, why := Text([]byte(c.base), []byte(ours), []byte(theirs))
			if string(got) != c.want || why != c.why {
				t.Errorf("%s: %.60q, %q, want %.60q, %q", c.name, got, why, c.want, c.why)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		text string
		want Kind
	}{
		{"", ASCII}, {"a\tb\r\n\f", ASCII}, {"\x1b[1mx", ASCII}, {"ä", UTF8}, {markUTF8 + "a", UTF8}, {"\xe4", EightBit},
		{"\x93\xfa\x96\x7b\n", EightBit}, {"a\x00", Binary}, {"\x01", Binary}, {"\x7f", Binary}, {"PK\x03\x04", Binary},
		{markUTF16LE + "a\x00", UTF16LE}, {markUTF16BE + "\x00a", UTF16BE}, {markUTF16LE + "a", Binary},
		{markUTF16LE + "\x00\x00", Binary}, {markUTF16LE + "\x00\xd8", Binary}, {"a\x00b\x00", Binary},
		{strings.Repeat("x", MaxText), ASCII}, {strings.Repeat("x", MaxText+1), Binary},
	} {
		if got := KindOf([]byte(c.text)); got != c.want {
			t.Errorf("%.20q is %d, want %d", c.text, got, c.want)
		}
	}
}

// TestWorstCases end in time, and whatever they give obeys the laws.
func TestWorstCases(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	random := func(n, kinds int) (out []string) {
		for range n {
			out = append(out, fmt.Sprintf("%d\n", r.IntN(kinds)))
		}
		return out
	}
	empty := slices.Repeat([]string{"\n"}, MaxText/2)
	for name, c := range map[string][2][]string{
		"nothing alike":  {random(100_000, 1<<30), random(100_000, 1<<30)},
		"few lines":      {random(150_000, 3), random(150_000, 3)},
		"empty lines":    {empty, empty[:len(empty)/2]},
		"empty and full": {empty, random(100_000, 1000)},
	} {
		got, ok := mergeLines(c[0], c[1], c[0])
		if !ok || !slices.Equal(got, c[1]) {
			t.Errorf("%s: not what one side has", name)
		}
	}
}

func TestMarker(t *testing.T) {
	for _, c := range []struct {
		text, known string
		want        int
	}{
		{"a\n<<<<<<< ours\nb\n", "", 2}, {"a\n>>>>>>>\r\nb\n", "", 2}, {"||||||| base\n", "", 1}, {"=======\n", "", 0}, {"Title\n=======\n", "", 0},
		{"<<<<<<<< more\n", "", 0}, {" <<<<<<< in\n", "", 0}, {"<<<<<<< doc\n", "x\n<<<<<<< doc\n", 0}, {"<<<<<<< doc\n>>>>>>> x\n", "<<<<<<< doc\n", 2},
	} {
		if got := Marker([]byte(c.text), []byte(c.known)); got != c.want {
			t.Errorf("%q: line %d, want %d", c.text, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("A\nb\nc\n"), []byte("a\nb\nC\n"))
	f.Add([]byte("a\r\nb"), []byte("\xef\xbb\xbfa\nb"), []byte("\xff\xfea\x00"))
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte) {
		one, why := Text(base, ours, theirs)
		two, why2 := Text(base, theirs, ours)
		if !bytes.Equal(one, two) || why != why2 || (one == nil) != (why != "") {
			t.Fatalf("%q, %q and %q, %q", one, why, two, why2)
		}
		if why == "" && !IsText(one) {
			t.Fatalf("the result %q is no text", one)
		}
		if IsText(base) && IsText(ours) {
			if got, why := Text(base, ours, base); why != "" || !bytes.Equal(got, ours) {
				t.Fatalf("merge(b,x,b) is %q, %q", got, why)
			}
		}
	})
}
