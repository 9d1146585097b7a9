package apply

import (
	"errors"
	"io/fs"

	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// syncPack makes durable all that a run wrote in the pack: on the file systems
// of the product, of the pack's own data and of mounts.
func syncPack(root *rootfs.Root, mounts []string, dirs map[string]bool) error {
	return syncAll(root, append([]string{dataDir, stageRoot, backupTop, pack.ManifestDir, customizedDir}, mounts...), dirs)
}

// syncAll makes all written so far durable: whole file systems where possible,
// that of root and those of the folders tops, else the folders named (their
// files were synced one by one).
func syncAll(root *rootfs.Root, tops []string, dirs map[string]bool) error {
	err := syncSystems(root, tops)
	if !errors.Is(err, rootfs.ErrNoSyncFS) {
		return err
	}
	for dir := range dirs {
		if err := root.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func syncSystems(root *rootfs.Root, tops []string) error {
	home, err := root.Device(".")
	if err != nil {
		return err
	}
	if err := root.SyncFS(); err != nil {
		return err
	}
	done := map[uint64]bool{home: true}
	for _, top := range tops {
		dev, err := root.Device(top)
		switch {
		case errors.Is(err, fs.ErrNotExist) || done[dev]:
			continue
		case err != nil:
			return err
		}
		done[dev] = true
		if err := syncTop(root, top); err != nil {
			return err
		}
	}
	return nil
}

func syncTop(root *rootfs.Root, top string) error {
	sub, err := root.Sub(top)
	if err != nil {
		return err
	}
	return errors.Join(sub.SyncFS(), sub.Close())
}
