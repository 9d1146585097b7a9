package manifest

import "testing"

// What appendLine spells is what encoding/json does: a digest names one spelling.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"lib/a.jar", "", "a b", `q"uote`, `back\slash`, "tab\t", "line\n", "\x00", "\x7f", "é", "<&>", "\u2028", "bad\xff", "日本"} {
		f.Add(s, "file", "target", uint32(0o644), int64(7))
		f.Add("x", s, s, uint32(0o1777), int64(-1))
	}
	f.Fuzz(func(t *testing.T, path, kind, target string, mode uint32, size int64) {
		for _, l := range []line{
			toLine(&Entry{Path: path, Type: Type(kind), Target: target, Mode: mode, Size: size}),
			toLine(&Entry{Path: path, Type: File, Mode: mode, Size: size, SHA256: Sum([]byte(path))}),
			toLine(&Entry{Path: path, Type: Dir, Mode: mode & 0o777}),
			{Path: path, Type: Type(kind), Mode: target, Size: &size},
		} {
			if got, want := string(appendLine(nil, l)), string(compact(l)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}
