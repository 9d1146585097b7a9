package common

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/typed"
)

// CheckHome refuses a place for a secret where a home folder is meant that the shell has
// not put in; instead is the place to name, by default the same below the home folder.
func CheckHome(name, instead string) error {
	if !unexpanded(runtime.GOOS, name) {
		return nil
	}
	if home, err := os.UserHomeDir(); err == nil && instead == "" {
		instead = filepath.Join(home, name[1:])
	}
	return fault.New(fault.Usage, "%s begins with ~, which stands for no folder in this shell", name).
		WithHint("give the whole path: -o %s", typed.Word(instead))
}

// unexpanded: the shells of Windows leave ~ as it is, and the secret would come to lie in
// the working directory.
func unexpanded(goos, name string) bool {
	return goos == "windows" && (strings.HasPrefix(name, "~/") || strings.HasPrefix(name, `~\`))
}
