package apply

import (
	"errors"
	"io/fs"

	"packlift/internal/fault"
)

// denied tells what to do about a path that this user may not read or write;
// other errors, and those that say so already, pass as they are.
func denied(err error) error {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) || fault.HintOf(err) != "" || fault.ClassOf(err) != fault.General {
		return err
	}
	return fault.New(fault.General, "%w", err).
		WithHint("run as the pack's owner; if that is who you are, give yourself the right: chmod u+rwX %q, then run the same command again", at.Path)
}
