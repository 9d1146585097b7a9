package selfupdate

import (
	"fmt"
	"os"
	"strings"

	"packlift/internal/version"
)

// Exited is the end of a tool that was run as a child: its exit code is this
// process's too.
type Exited struct{ Code int }

func (e *Exited) Error() string { return fmt.Sprintf("the updated tool ended with code %d", e.Code) }

// Rerun starts the tool at path with args (without the program's name) in the
// place of this process and with the guard set. It never returns nil: on Unix
// only if the start fails, on Windows with *Exited when the child has ended.
// Output is flushed and the pack's lock released before.
func Rerun(path string, args []string) error {
	return rerun(path, args, guarded(os.Environ(), version.Current()))
}

func guarded(env []string, value string) []string {
	out := make([]string, 0, len(env)+1)
	for _, e := range env {
		if !strings.HasPrefix(e, Guard+"=") {
			out = append(out, e)
		}
	}
	return append(out, Guard+"="+value)
}
