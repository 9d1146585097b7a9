package apply

import (
	"crypto/sha256"
	"hash"
	"io"
	"io/fs"
	"path"

	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/rootfs"
)

// write stages one file and checks what it wrote against the digest: the
// reader did so too, but copies pass here as well.
func (t *stager) write(o *op, r io.Reader) error { return t.writeBy(o, copyFrom(r)) }

func copyFrom(r io.Reader) func(delta.Digester) error {
	return func(w delta.Digester) error {
		_, err := copyThrough(w, r)
		return err
	}
}

// writeBy is write of what fill writes. Owner and attributes are those of the
// replaced file or of the folder it comes into.
func (t *stager) writeBy(o *op, fill func(delta.Digester) error) error {
	write := t.writeScratch
	if !o.scratch {
		write = func(o *op, fill func(delta.Digester) error) error { return t.writeLike(o, fill, t.root, t.model(o)) }
	}
	err := write(o, fill)
	if err == nil {
		t.made(o)
	}
	return err
}

// model is the file or folder that o's content takes owner and attributes from.
func (t *stager) model(o *op) string {
	if isFile(o.Before) {
		return o.Path
	}
	return parentThere(t.root, path.Dir(o.Path))
}

// writeScratch writes what is gone before the run moves anything: it needs
// neither an owner nor to be durable.
func (t *stager) writeScratch(o *op, fill func(delta.Digester) error) error {
	f, err := t.create(o, fill)
	if err != nil {
		return err
	}
	return f.Close()
}

// create makes a file in the stage and checks what fill writes.
func (t *stager) create(o *op, fill func(delta.Digester) error) (*rootfs.File, error) {
	f, err := t.root.Create(o.New, 0o600)
	if err != nil {
		return nil, err
	}
	w := &stagedWriter{t: t, f: f, sum: sha256.New(), stays: !o.scratch}
	if err = fill(w); err == nil && (w.n != o.After.Size || w.Digest() != o.After.SHA256) {
		err = fault.New(fault.Tampered, "the content of %q is not what the manifest says", o.Path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// writeLike takes owner and attributes from the file or folder model in root;
// they come before the mode, which they may alter.
func (t *stager) writeLike(o *op, fill func(delta.Digester) error, root *rootfs.Root, model string) error {
	f, err := t.create(o, fill)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.root.CopyMetaFrom(root, model, o.New); err != nil {
		return err
	}
	if err := f.Chmod(fs.FileMode(o.After.Mode)); err != nil {
		return err
	}
	if !rootfs.SyncsFS {
		return f.Sync()
	}
	return nil
}

// writeback is how much of a large file, in bytes, is begun to be written to the disk
// at a time, so that the sync of the stage finds little left. Small files are not: each
// would be a write of its own.
const writeback = 1 << 20

// stagedWriter counts, hashes and tells of what goes into a staged file.
type stagedWriter struct {
	t     *stager
	f     *rootfs.File
	sum   hash.Hash
	n     int64
	stays bool  // it comes to be durable: what is scratch had better never reach the disk
	begun int64 // of n, how many are on their way there
}

func (w *stagedWriter) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	w.sum.Write(b[:n])
	w.n += int64(n)
	if part := w.n - w.begun; w.stays && part >= writeback {
		w.f.StartWriteback(w.begun, part)
		w.begun = w.n
	}
	w.t.o.Progress(w.t.done.Add(int64(n)), w.t.total)
	return n, err
}

func (w *stagedWriter) Digest() [sha256.Size]byte { return [sha256.Size]byte(w.sum.Sum(nil)) }
