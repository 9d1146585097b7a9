package common

import (
	"os"
	"strings"

	"packlift/internal/cli"
	"packlift/internal/regular"
)

// SayLeftovers names, with -v, the files that macOS left in folders and that are
// passed over. A folder that is not there or not given has none.
func SayLeftovers(c *cli.Console, dirs ...string) {
	if !c.Verbose() {
		return
	}
	for _, dir := range dirs {
		list, err := os.ReadDir(dir)
		if err != nil {
			continue // who needs the folder says so
		}
		var names []string
		for _, e := range list {
			if regular.Leftover(e.Name()) {
				names = append(names, e.Name())
			}
		}
		if len(names) > 0 {
			c.Detail("passed over in %s, left there by macOS: %s", dir, strings.Join(names, ", "))
		}
	}
}
