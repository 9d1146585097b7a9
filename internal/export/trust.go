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
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := root.WriteFile(name, files[name], defaultFile); err != nil {
			return nil, err
		}
	}
	return set, nil
}
