// Package manifest is the full list of a level's entries: files, folders and
// symlinks, each with what proves it.
//
// Its form is one JSON document, one entry a line, in one canonical spelling:
// Parse accepts exactly what Marshal writes, so a manifest's digest names its
// meaning. It guarantees of every Manifest it returns:
//
//   - at most MaxEntries entries, sorted strictly by path (bytewise), each path valid by package safepath
//   - no two paths collide on a case-insensitive file system
//   - each parent of an entry is listed before it, as a folder
//   - modes are permission bits only, and let the owner read: 0400 in a file's, 0500 in a folder's
//   - file sizes are 0 to MaxFile; link targets stay inside the tree
//   - nothing at updates/** nor bin/packlift-import*, nor under a name that begins with .packlift-:
//     those belong to the pack, not to the product
//   - bin, if listed, is a folder; no link leads to the tree's top, to bin or to a reserved path
package manifest

import (
	"fmt"
	"path"
	"strings"

	"packlift/internal/safepath"
)

// Caps of the format (docs/format.md).
const (
	MaxEntries = 1_000_000
	MaxFile    = 1 << 40
	MaxLevel   = 9999
	MaxLine    = 16 << 10
)

// Type is what an entry is.
type Type string

// The three types, and the mark of a removed path in a Difference.
const (
	File    Type = "file"
	Dir     Type = "dir"
	Symlink Type = "symlink"
	absent  Type = "absent"
)

// shared is t in the memory of the constants: of a million entries none keeps a word of its own.
func (t Type) shared() Type {
	for _, known := range []Type{File, Dir, Symlink} {
		if t == known {
			return known
		}
	}
	return t
}

// Entry is one path of a product tree. Size is in bytes; Size and SHA256 are
// set for files only, Target for symlinks only, Mode (0 to 0777) for files and folders.
type Entry struct {
	Path   string
	Type   Type
	Mode   uint32
	Size   int64
	SHA256 Digest
	Target string
}

// Manifest is a level of a product, whole.
type Manifest struct {
	Product string // such as wso2am
	Version string // such as 4.2.0
	Level   int    // 0 to MaxLevel
	Entries []Entry
}

// Reserved reports whether p belongs to the pack's keeper and never to a
// product: updates, updates/** and bin/packlift-import*, in any case, and the
// short name that Windows gives the latter (bin/PACKLI~1.EXE).
func Reserved(p string) bool {
	f := safepath.Fold(p)
	return f == "updates" || strings.HasPrefix(f, "updates/") || strings.HasPrefix(f, "bin/packlift-import") || strings.HasPrefix(f, "bin/packli~")
}

// Find returns the entry at p, by binary search.
func (m *Manifest) Find(p string) (Entry, bool) {
	i, ok := search(m.Entries, p)
	if !ok {
		return Entry{}, false
	}
	return m.Entries[i], true
}

// Check returns the first rule of the package doc that m breaks.
func (m *Manifest) Check() error {
	if err := m.checkHead(); err != nil {
		return err
	}
	c := newChecker()
	for i := range m.Entries {
		if err := c.add(&m.Entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkHead() error {
	if err := CheckProduct(m.Product, m.Version); err != nil {
		return err
	}
	if m.Level < 0 || m.Level > MaxLevel {
		return fmt.Errorf("manifest: level %d is not 0 to %d", m.Level, MaxLevel)
	}
	if len(m.Entries) > MaxEntries {
		return fmt.Errorf("manifest: %d entries, the most is %d", len(m.Entries), MaxEntries)
	}
	return nil
}

// checker sees entries one by one, in order.
type checker struct {
	last string
	any  bool
	dirs map[string]bool
	seen safepath.Collisions
}

func newChecker() *checker { return &checker{dirs: map[string]bool{".": true}} }

func (c *checker) add(e *Entry) error {
	if err := e.check(); err != nil {
		return err
	}
	if c.any && e.Path <= c.last {
		return fmt.Errorf("manifest: %q stands after %q: not sorted, or twice", e.Path, c.last)
	}
	if err := c.seen.Add(e.Path); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if !c.dirs[path.Dir(e.Path)] {
		return fmt.Errorf("manifest: the folder of %q is not listed", e.Path)
	}
	if e.Type == Dir {
		c.dirs[e.Path] = true
	}
	c.last, c.any = e.Path, true
	return nil
}

func (e *Entry) check() error {
	if err := safepath.Check(e.Path); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := e.CheckPlace(); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if e.Mode > 0o777 {
		return fmt.Errorf("manifest: %q has mode %o; only permission bits travel", e.Path, e.Mode)
	}
	if err := CheckMode(e.Type, e.Mode); err != nil {
		return fmt.Errorf("manifest: %q %w", e.Path, err)
	}
	switch e.Type {
	case File:
		if e.Size < 0 || e.Size > MaxFile || e.Target != "" {
			return fmt.Errorf("manifest: file %q has size %d or a target", e.Path, e.Size)
		}
		return nil
	case Dir:
		if e.Size != 0 || e.Target != "" || !e.SHA256.IsZero() {
			return fmt.Errorf("manifest: folder %q has a size, digest or target", e.Path)
		}
		return nil
	case Symlink:
		if e.Size != 0 || e.Mode != 0 || !e.SHA256.IsZero() {
			return fmt.Errorf("manifest: link %q has a size, digest or mode", e.Path)
		}
		return nil
	}
	return fmt.Errorf("manifest: %q has the unknown type %q", e.Path, e.Type)
}
