package depot

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/gofrs/flock"

	"packlift/bundle"
	"packlift/bundle/xzpar"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// Files of a depot are for everyone to read, so that any server can give them.
const (
	filePerm = 0o644
	dirPerm  = 0o755
)

const lockPoll = 50 * time.Millisecond

// Store writes to one product's part of a depot. It holds its lock from
// OpenStore to Close.
type Store struct {
	root   *rootfs.Root // the product's folder
	folder *os.File     // held; nil where folders cannot be
	file   *flock.Flock
}

// OpenStore makes the product's folder in the depot at dir if need be, and
// takes its lock, for which it waits up to timeout. Who holds it else is class Locked.
func OpenStore(ctx context.Context, dir, product, version string, timeout time.Duration) (*Store, error) {
	root, err := openMade(dir, Folder(product, version))
	if err != nil {
		return nil, err
	}
	s := &Store{root: root}
	until := time.Now().Add(timeout)
	for {
		ok, err := s.tryLock()
		switch {
		case err != nil:
			root.Close()
			return nil, err
		case ok:
			return s, s.sweep()
		case time.Now().Add(lockPoll).After(until):
			root.Close()
			return nil, fault.New(fault.Locked, "another run works on the depot %s", root.Path()).
				WithHint("wait for it, or give --lock-timeout 10m")
		}
		select {
		case <-ctx.Done():
			root.Close()
			return nil, fault.New(fault.Interrupted, "%w, while it waited for the lock", context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

func openMade(dir, folder string) (*rootfs.Root, error) {
	top, err := rootfs.MkdirAllOpen(dir, dirPerm)
	if err != nil {
		return nil, fault.New(fault.Usage, "depot: %w", err).WithHint("give a folder that you may write to with --depot")
	}
	defer top.Close()
	if err := makeDir(top, folder); err != nil {
		return nil, err
	}
	return top.Sub(folder)
}

// makeDir makes a folder and its parents, durably.
func makeDir(root *rootfs.Root, dir string) error {
	there, err := root.Exists(dir)
	if err != nil || there {
		return err
	}
	if up := path.Dir(dir); up != "." {
		if err := makeDir(root, up); err != nil {
			return err
		}
	}
	if err := root.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	return root.SyncDir(path.Dir(dir))
}

// tryLock holds the folder, which nobody can remove under it; where folders
// cannot be held, the file in it.
func (s *Store) tryLock() (bool, error) {
	folder, err := s.root.HoldFolder(".")
	switch {
	case err == nil:
		s.folder = folder
		return true, nil
	case errors.Is(err, rootfs.ErrHeld):
		return false, nil
	case !errors.Is(err, rootfs.ErrNoHold):
		return false, err
	}
	f, err := s.root.Create(lockName, filePerm)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	l := flock.New(s.root.Full(lockName), flock.SetFlag(os.O_RDWR))
	ok, err := l.TryLock()
	if ok {
		s.file = l
	}
	return ok, err
}

// sweep removes what killed publishers left half written.
func (s *Store) sweep() error {
	for _, dir := range s.dirs() {
		if err := s.root.SweepOthers(dir); err != nil {
			s.Close()
			return fmt.Errorf("depot: what a killed run left cannot be removed: %w", err)
		}
	}
	return nil
}

// dirs lists the folders that hold files: the product's, and two levels below it.
func (s *Store) dirs() []string {
	out := []string{"."}
	for depth, from := 0, 0; depth < 2; depth++ {
		to := len(out)
		for _, dir := range out[from:to] {
			list, err := s.root.ReadDir(dir)
			if err != nil {
				continue
			}
			for _, e := range list {
				if e.IsDir() {
					out = append(out, path.Join(dir, e.Name()))
				}
			}
		}
		from = to
	}
	return out
}

// Close gives the lock back.
func (s *Store) Close() error {
	err := s.root.Close()
	if s.folder != nil {
		err = errors.Join(err, s.folder.Close())
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// Path is the product's folder.
func (s *Store) Path() string { return s.root.Path() }

// NewID chooses the name of a depot that begins.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// put compresses what r gives, which must be the bytes of plain, to the file
// at name, unless a file is there that holds them already. It returns what is stored.
func (s *Store) put(ctx context.Context, c *xzpar.Compressor, name string, plain manifest.Blob, r io.Reader) (manifest.Blob, error) {
	if stored, ok := s.holds(ctx, name, plain); ok {
		return stored, nil
	}
	if err := makeDir(s.root, path.Dir(name)); err != nil {
		return manifest.Blob{}, err
	}
	out, err := s.root.Pending(name, filePerm)
	if err != nil {
		return manifest.Blob{}, err
	}
	defer out.Cleanup()
	h, in := sha256.New(), sha256.New()
	packed, n, err := c.Compress(io.MultiWriter(out, h), io.TeeReader(r, in))
	if err != nil {
		return manifest.Blob{}, err
	}
	if n != plain.Size || manifest.Digest(in.Sum(nil)) != plain.SHA256 {
		return manifest.Blob{}, fmt.Errorf("depot: %s changed while it was read", name)
	}
	return manifest.Blob{SHA256: manifest.Digest(h.Sum(nil)), Size: packed}, out.Commit()
}

// holds looks whether the file at name unpacks to plain: a run that was killed
// may have written it.
func (s *Store) holds(ctx context.Context, name string, plain manifest.Blob) (manifest.Blob, bool) {
	f, err := s.root.Open(name)
	if err != nil {
		return manifest.Blob{}, false
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return manifest.Blob{}, false
	}
	u := &unpacked{r: xzpar.NewSequential(ctx, f), o: f, left: plain.Size, want: plain.SHA256, sum: sha256.New()}
	_, err = io.Copy(io.Discard, u)
	return manifest.Blob{SHA256: manifest.Digest(h.Sum(nil)), Size: size}, err == nil
}

// PutContent stores a content.
func (s *Store) PutContent(ctx context.Context, c *xzpar.Compressor, b manifest.Blob, r io.Reader) (manifest.Object, error) {
	stored, err := s.put(ctx, c, blobName(b.SHA256), b, r)
	return manifest.Object{Blob: b, Stored: stored}, err
}

// PutDelta stores a delta of the given plain bytes, which makes a content from bases.
func (s *Store) PutDelta(ctx context.Context, c *xzpar.Compressor, content manifest.Content, d manifest.Blob, r io.Reader) (manifest.Object, error) {
	stored, err := s.put(ctx, c, deltaName(d.SHA256), d, r)
	return manifest.Object{Blob: content.Blob, Delta: &d, Bases: content.Bases, Stored: stored}, err
}

// PutLevel stores the manifest of a level, its objects and its advisory, and
// returns the level's record.
func (s *Store) PutLevel(ctx context.Context, c *xzpar.Compressor, m *manifest.Manifest, objects []manifest.Object, a *bundle.Advisory) (l Level, err error) {
	text, err := a.Marshal()
	if err != nil {
		return l, err
	}
	l = Level{Level: m.Level, Channel: a.Channel, Date: a.Date}
	if l.Manifest, err = s.putList(ctx, c, manifestName, m.WriteTo); err != nil {
		return l, err
	}
	l.Objects, err = s.putList(ctx, c, objectsName, func(w io.Writer) (int64, error) { return manifest.WriteObjects(w, m, objects) })
	if err != nil {
		return l, err
	}
	l.Advisory = manifest.Blob{SHA256: manifest.Sum(text), Size: int64(len(text))}
	return l, s.write(advisoryName(l.Advisory.SHA256), text)
}

func (s *Store) putList(ctx context.Context, c *xzpar.Compressor, name func(manifest.Digest) string, write func(io.Writer) (int64, error)) (f File, err error) {
	h := sha256.New()
	if f.Plain.Size, err = write(h); err != nil {
		return f, err
	}
	f.Plain.SHA256 = manifest.Digest(h.Sum(nil))
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		_, err := write(w)
		w.CloseWithError(err)
	}()
	f.Stored, err = s.put(ctx, c, name(f.Plain.SHA256), f.Plain, r)
	return f, err
}

// write puts a small file under its name, unless it is there already.
func (s *Store) write(name string, b []byte) error {
	if old, err := s.root.ReadFile(name, int64(len(b))); err == nil && bytes.Equal(old, b) {
		return nil
	}
	if err := makeDir(s.root, path.Dir(name)); err != nil {
		return err
	}
	return s.root.WriteFile(name, b, filePerm)
}

// PutTool stores a tool with its statement and signatures, and completes its record.
func (s *Store) PutTool(ctx context.Context, c *xzpar.Compressor, t Tool, r io.Reader, statement []byte, sigs [][]byte) (Tool, error) {
	t.Statement = manifest.Blob{SHA256: manifest.Sum(statement), Size: int64(len(statement))}
	t.Signatures = nil
	for _, sig := range sigs {
		t.Signatures = append(t.Signatures, manifest.Blob{SHA256: manifest.Sum(sig), Size: int64(len(sig))})
	}
	var err error
	if t.Stored, err = s.put(ctx, c, t.fileName(), manifest.Blob{SHA256: t.SHA256, Size: t.Size}, r); err != nil {
		return t, err
	}
	err = s.write(t.statementName(), statement)
	for i, sig := range sigs {
		err = errors.Join(err, s.write(t.signatureName(i), sig))
	}
	return t, err
}

// Commit puts the index in place: the signatures first, under the digest of the
// index that they sign, then the index itself, which is what readers see.
func (s *Store) Commit(x *Index, text []byte, sigs [][]byte) error {
	if err := x.Check(); err != nil {
		return err
	}
	if len(sigs) > MaxSignatures || !bytes.Equal(x.Marshal(), text) {
		return fmt.Errorf("depot: %d signatures, the most is %d", len(sigs), MaxSignatures)
	}
	for i, sig := range sigs {
		if err := s.write(signatureName(manifest.Sum(text), i+1), sig); err != nil {
			return err
		}
	}
	return s.root.WriteFile(IndexName, text, filePerm)
}
