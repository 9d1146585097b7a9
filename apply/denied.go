package apply

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"packlift/internal/fault"
	"packlift/internal/typed"
)

// denied tells what to do about a path that this user may not read or write,
// that another program keeps (Windows), or that no rename reaches; other errors, and those that say so already, pass as they are.
func denied(err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) || fault.HintOf(err) != "" || fault.ClassOf(err) != fault.General {
		return err
	}
	if crossed(err) {
		return fault.New(fault.General, "%w", err).WithHint(oneVolume, at.Path)
	}
	if noLinks(err) {
		return fault.New(fault.General, "%w", err).WithHint("Windows lets only administrators make symbolic links, or everyone in Developer Mode: " +
			"run as one, or turn that on in its settings; then run the same command again")
	}
	if shared(err) {
		return fault.New(fault.Running, "%w", err).
			WithHint("another program has %s open: the product, an editor or a virus scanner; close it, then run the same command again", at.Path)
	}
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if errors.Is(err, syscall.EPERM) && os.Geteuid() == 0 {
		return fault.New(fault.General, "%w", err).
			WithHint("it, or its folder, is immutable or for adding only (lsattr -d %s %s): as root, chattr -ia, then run the same command again", typed.Word(at.Path), typed.Word(filepath.Dir(at.Path)))
	}
	return fault.New(fault.General, "%w", err).
		WithHint(ownRight, typed.Rights(at.Path))
}
