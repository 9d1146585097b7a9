package common

import (
	"errors"
	"io/fs"
	"path/filepath"

	"packlift/internal/rootfs"
)

// WriteFile puts data at name, atomically, in the place of what is there.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	dir, base := filepath.Split(filepath.Clean(name))
	root, err := rootfs.Open(filepath.Clean(dir + "."))
	if err != nil {
		return err
	}
	return errors.Join(root.WriteFile(base, data, perm), root.Close())
}
