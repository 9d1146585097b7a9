package merge

import "strings"

// form is all of a text but its lines.
type form struct {
	wide Kind // UTF16LE or UTF16BE, else 0
	mark bool // it begins with a byte order mark
	ends ends
}

type ends int

const (
	noEnds ends = iota // there is no line feed
	mixed
	lf
	crlf
)

// text is a file taken apart: lines in UTF-8 or an 8-bit encoding, and its form.
type text struct {
	form
	kind Kind
	body string
}

func parse(b []byte) (t text) {
	switch t.kind = KindOf(b); t.kind {
	case UTF16LE, UTF16BE:
		t.wide, t.mark = t.kind, true
		t.body, _ = decodeUTF16(b, t.kind)
	case UTF8:
		t.body, t.mark = strings.CutPrefix(string(b), markUTF8)
	default:
		t.body = string(b)
	}
	switch all, pairs := strings.Count(t.body, "\n"), strings.Count(t.body, "\r\n"); {
	case all == 0:
	case pairs == 0:
		t.ends = lf
	case pairs == all:
		t.ends = crlf
	default:
		t.ends = mixed
	}
	return t
}

// render is parse undone.
func (f form) render(body string) []byte {
	if f.ends == crlf {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	switch {
	case f.wide != 0:
		return encodeUTF16(body, f.wide)
	case f.mark:
		return []byte(markUTF8 + body)
	}
	return []byte(body)
}

// level makes line ends alike where each text has one kind of them, so that a
// file that an editor converted whole can be merged.
func level(texts ...*text) {
	known := noEnds
	for _, t := range texts {
		if t.ends == mixed {
			for _, t := range texts {
				t.ends = mixed
			}
			return
		}
		if known == noEnds {
			known = t.ends
		}
	}
	for _, t := range texts {
		if t.ends == noEnds {
			t.ends = known
		}
		if t.ends == crlf {
			t.body = strings.ReplaceAll(t.body, "\r\n", "\n")
		}
	}
}

// formOf merges the three forms; false where both sides changed one thing.
func formOf(base, ours, theirs *text) (f form, ok bool) {
	var a, b, c bool
	f.wide, a = pick(base.wide, ours.wide, theirs.wide)
	f.mark, b = pick(base.mark, ours.mark, theirs.mark)
	f.ends, c = pick(base.ends, ours.ends, theirs.ends)
	return f, a && b && c
}

// pick is a three-way merge of one value.
func pick[T comparable](base, ours, theirs T) (T, bool) {
	switch {
	case ours == theirs || theirs == base:
		return ours, true
	case ours == base:
		return theirs, true
	}
	return ours, false
}

// compatible: what is ASCII goes with everything; an unknown 8-bit encoding does
// not go with Unicode.
func compatible(texts ...*text) bool {
	eight, unicode := false, false
	for _, t := range texts {
		eight = eight || t.kind == EightBit
		unicode = unicode || t.kind == UTF8 || t.wide != 0
	}
	return !eight || !unicode
}
