package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"packlift/internal/rootfs"
)

const (
	noteName = "places.json"
	maxNote  = 4 << 20
)

// isOutside: dir can be the place of generation gen's backup outside the pack,
// made by the run txn ("" for any).
func isOutside(dir string, gen int, txn string) bool {
	base := filepath.Base(dir)
	if txn == "" && len(base) > 16 {
		txn = base[len(base)-16:]
	}
	return isClean(dir) && validTxn(txn) && base == outsideName(gen, txn)
}

func isClean(dir string) bool { return filepath.IsAbs(dir) && filepath.Clean(dir) == dir }

// dropOutside removes the backup that the run at made outside the pack, by the
// one name it can have; any other is left alone.
func dropOutside(root *rootfs.Root, at places, dir string, gen int) error {
	if dir == "" || !isOutside(dir, gen, at.txn) {
		return nil
	}
	return dropOwn(root, at.note(), dir)
}

// dropOwn removes dir, which lies outside the pack, if it holds a file equal to
// the pack's own proof under the same name: whoever forged a journal or a note
// to name another's folder cannot have the two agree. The proof goes last, so
// that a removal that was ended can be repeated.
func dropOwn(root *rootfs.Root, proof, dir string) error {
	up, err := rootfs.Open(filepath.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer up.Close()
	base := filepath.Base(dir)
	sub, err := up.Sub(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	if err := sub.Sweep("."); err != nil {
		return err
	}
	list, err := sub.ReadDir(".")
	if err != nil {
		return err
	}
	if len(list) == 0 { // a run that was ended before it wrote its proof left this
		return removeDurably(up, base)
	}
	if err := sameProof(root, proof, sub); err != nil {
		return fmt.Errorf("%s is not known to be this pack's, and stays: %w", dir, err)
	}
	for _, e := range list {
		if e.Name() != path.Base(proof) {
			if err := sub.RemoveAll(e.Name()); err != nil {
				return err
			}
		}
	}
	return errors.Join(sub.Remove(path.Base(proof)), removeDurably(up, base))
}

// removeDurably: what names the folder is forgotten next, and a power cut must
// not bring the folder back.
func removeDurably(up *rootfs.Root, base string) error {
	return errors.Join(up.Remove(base), up.SyncDir("."))
}

func sameProof(root *rootfs.Root, proof string, sub *rootfs.Root) error {
	want, _, err := hashAt(root, proof)
	if err != nil {
		return err
	}
	got, _, err := hashAt(sub, path.Base(proof))
	if err == nil && got != want {
		err = fmt.Errorf("its %s is another's", path.Base(proof))
	}
	return err
}
