package export

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"packlift/internal/fault"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/verify"
)

// TrustNew writes a new trust set into the folder dir, which is made and must
// not hold one, and returns the set.
func TrustNew(dir string, o verify.NewTrust) (*verify.TrustSet, error) {
	files, err := verify.NewTrustSet(o)
	if err != nil {
		return nil, err
	}
	set, err := verify.ParseTrustSet(memoryFS(files))
	if err != nil {
		return nil, err
	}
	if list, err := os.ReadDir(dir); err == nil && slices.ContainsFunc(list, func(e fs.DirEntry) bool { return !regular.Leftover(e.Name()) }) {
		return nil, fault.New(fault.Usage, "%s is not empty", dir).WithHint("name a new folder with -o")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	root, err := rootfs.MkdirAllOpen(dir, defaultDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := writeTrust(root, files); err != nil {
		return nil, err
	}
	return set, nil
}

// writeTrust writes all files, or leaves none: half a set looks like one.
func writeTrust(root *rootfs.Root, files map[string][]byte) error {
	names := slices.Sorted(maps.Keys(files))
	for i, name := range names {
		err := root.WriteFile(name, files[name], defaultFile)
		if err == nil {
			continue
		}
		for _, written := range names[:i+1] { // of the last one the rename may be done
			if gone := root.Remove(written); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
		return err
	}
	return nil
}
