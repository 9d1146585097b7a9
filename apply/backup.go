package apply

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

const (
	backupRecord = "backup.json"
	treeDir      = "tree"
)

// backup prepares the generation: its folders, copies of what cannot be moved
// into it, and its manifest, all durable before the first move, those in the pack
// with the rest of the stage. Files that can be moved go in at commit.
func (t *stager) backup(ctx context.Context) error {
	if err := t.placeholders(); err != nil {
		return err
	}
	h := &t.pl.head
	if h.Generation == 0 {
		return nil
	}
	gen := generationDir(h.Generation)
	if err := t.root.MkdirAll(gen+"/"+treeDir, 0o700); err != nil {
		return err
	}
	if err := t.copyLocal(ctx); err != nil {
		return err
	}
	b := *h
	b.Record = recordBackup
	if h.Outside != "" {
		if err := t.backupOutside(ctx, b); err != nil {
			return err
		}
	}
	return writeRecord(t.root, gen+"/"+backupRecord, b, t.pl.ops, (*rootfs.Pending).Place)
}

// placeholders makes the folders that old files will be moved into, and for
// each removed folder one that keeps its owner and attributes.
func (t *stager) placeholders() error {
	made := map[string]bool{}
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		dir := path.Dir(o.Old)
		if o.removesDir() {
			dir = o.Old
		}
		if o.Old == "" || made[dir] {
			continue
		}
		made[dir] = true
		var err error
		if o.removesDir() {
			err = t.keepDir(o, dir)
		} else {
			err = t.root.MkdirAll(dir, 0o700)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyLocal copies into the pack's backup what lies on another volume, from
// where it cannot be moved there. Removed folders are kept there always: a
// revert takes owner and attributes from them, also one from outside.
func (t *stager) copyLocal(ctx context.Context) error {
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		name := treeName(t.pl.head.Generation, o.Path)
		if o.removesDir() && o.Old != name {
			if err := t.keepDir(o, name); err != nil {
				return err
			}
		}
		if !t.pl.local[o.Path] || o.removesDir() {
			continue
		}
		if err := t.root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		if err := copyOld(ctx, t.root, o, t.root, name); err != nil {
			return err
		}
	}
	return nil
}

// keepDir makes at name a folder that keeps owner and attributes of the one
// that o removes.
func (t *stager) keepDir(o *op, name string) error {
	if err := t.root.MkdirAll(name, 0o700); err != nil {
		return err
	}
	return errors.Join(t.root.CopyMeta(o.Path, name), t.root.Chmod(name, 0o700))
}

// backupOutside copies every old file to the folder outside the pack.
func (t *stager) backupOutside(ctx context.Context, b head) error {
	out, err := t.root.MkdirAllOpen(b.Outside, 0o700)
	if err != nil {
		return fmt.Errorf("backup folder %s: %w", b.Outside, err)
	}
	defer out.Close()
	note, err := t.root.ReadFile(t.at.note(), maxNote)
	if err != nil {
		return err
	}
	if err := out.WriteFile(noteName, note, 0o600); err != nil { // first: it is what allows to remove the folder
		return err
	}
	if err := out.MkdirAll(treeDir, 0o700); err != nil {
		return err
	}
	dirs, err := t.copyOutside(ctx, out)
	if err != nil {
		return err
	}
	if err := syncAll(out, nil, dirs); err != nil {
		return err
	}
	if err := writeRecord(out, backupRecord, b, t.pl.ops, (*rootfs.Pending).Commit); err != nil {
		return err
	}
	return syncParents(b.Outside)
}

// syncParents makes the generation's own name durable, and its folder's.
func syncParents(dir string) error {
	for range 2 {
		dir = filepath.Dir(dir)
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(root.SyncDir("."), root.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (t *stager) copyOutside(ctx context.Context, out *rootfs.Root) (map[string]bool, error) {
	dirs := map[string]bool{".": true, treeDir: true}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(4, t.o.Jobs))
	var err error
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		name := treeDir + "/" + o.Path
		dir := path.Dir(name)
		if o.removesDir() {
			dir = name
		} else if !o.movesAway() {
			continue
		}
		for d := dir; !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
		if err = out.MkdirAll(dir, 0o700); err != nil {
			break
		}
		if o.movesAway() {
			g.Go(func() error { return copyOld(ctx, t.root, o, out, name) })
		}
	}
	return dirs, errors.Join(err, g.Wait())
}

// copyOld copies the old file of o and proves that what it wrote is what the
// plan saw. Where whole file systems can be synced, the caller does so.
func copyOld(ctx context.Context, from *rootfs.Root, o *op, to *rootfs.Root, name string) error {
	if isLink(o.Before) {
		return to.Symlink(o.Before.Target, name)
	}
	r, err := from.Open(o.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := to.Create(name, 0o600)
	if err != nil {
		return err
	}
	defer w.Close()
	sum := sha256.New()
	_, err = copyThrough(w, io.TeeReader(&contextReader{ctx, r}, sum))
	if err != nil {
		return err
	}
	if manifest.Digest(sum.Sum(nil)) != o.Before.SHA256 {
		return changedMeanwhile(o.Path)
	}
	if err := to.CopyMetaFrom(from, o.Path, name); err != nil {
		return fmt.Errorf("backup of %s: %w", o.Path, err)
	}
	if err := w.Chmod(fs.FileMode(o.Before.Mode)); err != nil {
		return err
	}
	if rootfs.SyncsFS {
		return nil
	}
	return w.Sync()
}
