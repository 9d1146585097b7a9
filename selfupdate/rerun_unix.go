//go:build unix

package selfupdate

import (
	"fmt"
	"syscall"
)

func rerun(path string, args, env []string) error {
	err := syscall.Exec(path, append([]string{path}, args...), env)
	return fmt.Errorf("starting %s: %w", path, err)
}
