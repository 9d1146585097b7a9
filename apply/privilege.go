package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// CheckPrivilege refuses a run as root on a pack that anybody else can steer:
// files that it makes could be ones the owner can no longer change, and whoever
// writes the journal or the tool could aim a privileged run at other files. So
// the pack's folder, bin, updates, updates/packlift and what the pack keeps in
// it have to be root's, and writable by root alone. allow lifts the rule. On
// Windows it checks nothing.
func CheckPrivilege(p *pack.Pack, allow bool) error {
	if allow || os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{".", "bin", pack.Updates} {
		if err := rootsOwn(p.Root(), name); err != nil {
			return err
		}
	}
	return rootsData(p.Root(), dataDir)
}

// rootsData looks at a folder and all in it, but not at product files: those of
// a stage, of what is staged for it, and of a backup's tree are checked against their own records.
func rootsData(root *rootfs.Root, name string) error {
	if err := rootsOwn(root, name); err != nil {
		return err
	}
	info, err := root.Lstat(name)
	if absent(err) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := root.ReadDir(name)
	for _, e := range list {
		if err == nil && e.Name() != treeDir && e.Name() != path.Base(stagedDir) && e.Name() != path.Base(places{}.newDir()) && e.Name() != path.Base(places{}.oldDir()) {
			err = rootsData(root, path.Join(name, e.Name()))
		}
	}
	return err
}

// rootsOwn: name is missing, or root's and for root alone to write. A link says
// nothing by its mode; it stands in a folder that was checked.
func rootsOwn(root *rootfs.Root, name string) error {
	uid, _, ok, err := root.OwnerOf(name)
	if absent(err) || !ok && err == nil {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case uid != 0:
		return privileged("running as root, but %s of the pack belongs to user %d", root.Full(name), uid)
	case info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o022 != 0:
		return privileged("running as root, but %s of the pack may be written by others (mode %04o)", root.Full(name), info.Mode().Perm())
	}
	return nil
}

func privileged(format string, args ...any) error {
	return fault.New(fault.Privileged, format, args...).
		WithHint("run it as the pack's owner, make the pack root's own, or add --allow-root")
}
