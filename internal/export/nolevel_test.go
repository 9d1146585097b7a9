package export

import (
	"strings"
	"testing"

	"packlift/internal/depot"
	"packlift/internal/fault"
)

// TestNoLevel: which range is missing, and the command that makes it.
func TestNoLevel(t *testing.T) {
	v := &depot.View{Index: depot.Index{Product: "demo", Version: "1.0.0", Levels: []depot.Level{{Level: 3, Channel: "full"}, {Level: 5, Channel: "security"}, {Level: 9, Channel: "full"}}}}
	for _, c := range []struct {
		channel string
		level   int
		want    []string
	}{
		{"full", 1, []string{"no level 1 of demo-1.0.0; the levels there are 3, 5, 9", "from level 1 to 3 is missing", "create-update --from TREE-1 --to TREE-3 --product demo-1.0.0 -s 1 -e 3"}},
		{"full", 4, []string{"from level 4 to 5 is missing", "-s 4 -e 5", "or choose level 3 or 5"}},
		{"full", 12, []string{"from level 9 to 12 is missing", "publish TREE --product demo-1.0.0 --depot DIR --level 12", "content with level 9"}},
		{"security", 9, []string{"level 9 is of channel full, and channel security does not offer it; the levels there are 5", "--channel full"}},
		{"security", 7, []string{"from level 5 to 7 is missing", "--level 7"}},
		{"none", 7, []string{"offers no level of demo-1.0.0 in channel none", "\nits channels: full, security"}},
	} {
		err := NoLevel(v, c.channel, c.level)
		text := err.Error() + "\n" + fault.HintOf(err)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s %d: %s\nlacks %q", c.channel, c.level, text, want)
			}
		}
		if fault.ClassOf(err) != fault.WrongLevel {
			t.Errorf("%s %d: class %s", c.channel, c.level, fault.ClassOf(err))
		}
	}
}
