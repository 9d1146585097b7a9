package apply

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"packlift/internal/rootfs"
)

// reserve is room that a run takes before it writes its journal, and gives back
// for its last steps: a disk that runs full in between stops the run where it
// can still turn back, and with room to do so.
type reserve struct{ bytes, inodes int64 }

const (
	reservePrefix = dataDir + "/reserve."
	reserveMost   = 16 // files; a run's last steps make fewer
)

// hold makes the reserve's files. What they hold does not compress.
func (r reserve) hold(root *rootfs.Root) error {
	for i := range min(r.inodes, reserveMost) {
		f, err := root.Create(fmt.Sprint(reservePrefix, i), 0o600)
		if err != nil {
			return err
		}
		if i == 0 {
			err = fillWith(f, r.bytes)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func fillWith(f *rootfs.File, n int64) error {
	b := make([]byte, min(n, copyBuffer))
	for n > 0 {
		b = b[:min(int64(len(b)), n)]
		rand.Read(b) // never fails (crypto/rand)
		if _, err := f.Write(b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// releaseReserve gives the room back; it can be repeated.
func releaseReserve(root *rootfs.Root) error {
	list, err := root.ReadDir(dataDir)
	for _, e := range list {
		if name := dataDir + "/" + e.Name(); err == nil && strings.HasPrefix(name, reservePrefix) && e.Type().IsRegular() {
			err = root.Remove(path.Clean(name))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
