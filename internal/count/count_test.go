package count

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct {
		got, want string
	}{
		{Of(0, "file"), "0 files"}, {Of(1, "file"), "1 file"}, {Of(2, "changed file"), "2 changed files"},
		{Of(2, "entry"), "2 entries"}, {Of(1, "entry"), "1 entry"}, {Of(3, "key"), "3 keys"}, {Of(3, "path"), "3 paths"}, {Of(3, "branch"), "3 branches"}, {Of(2, "process"), "2 processes"}, {Of(2, "advisory"), "2 advisories"},
		{Are(1, "file"), "1 file is"}, {Are(2, "file"), "2 files are"}, {Verb(1, "waits", "wait"), "waits"}, {Verb(0, "waits", "wait"), "wait"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
