package selfupdate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
)

const othersWrite = 0o022

var euid = os.Geteuid

// checkBin looks at who else could put a program in the new tool's place
// between its proof and its start. A privileged run refuses that, unless AllowRoot
// lifts the rule; any other is warned.
func (o *Options) checkBin(root *rootfs.Root) error {
	who := euid()
	if who == 0 && o.AllowRoot {
		return nil
	}
	reasons, err := exposed(root, who, ".", binDir)
	if err != nil || len(reasons) == 0 {
		return err
	}
	text := strings.Join(reasons, ", ") + ": others decide there which program runs"
	if who != 0 {
		o.warn("%s as you do; take the right to write there from them: chmod go-w", text)
		return nil
	}
	return fault.New(fault.Privileged, "running as root, but %s", text).
		WithHint("let root own the pack and its bin and take the right to write there from others, or run it as the pack's owner, or add --allow-root")
}

func (o *Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(format, args...)
	}
}

// exposed says of folders, a pack's and its bin, how others than root and uid
// may change them. On Windows it knows of nothing.
func exposed(root *rootfs.Root, uid int, folders ...string) (reasons []string, err error) {
	for _, name := range folders {
		owner, _, ok, err := root.OwnerOf(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !ok {
			return nil, err
		}
		info, err := root.Stat(name)
		if err != nil {
			return nil, err
		}
		if owner != 0 && owner != uid {
			reasons = append(reasons, fmt.Sprintf("%s belongs to user %d", root.Full(name), owner))
		} else if mode := info.Mode().Perm(); mode&othersWrite != 0 {
			reasons = append(reasons, fmt.Sprintf("%s has mode %04o", root.Full(name), mode))
		}
	}
	return reasons, nil
}
