package export

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/safepath"
)

// Modes of archive entries that carry none, and of folders that an archive
// only implies.
const (
	defaultFile = 0o644
	defaultDir  = 0o755
)

// maxRefused is how many refused entries an error names.
const maxRefused = 20

// member is one entry of an archive; open reads a file's content.
type member struct {
	manifest.Entry
	open func() (io.ReadCloser, error)
}

// archive is a tree read from an archive.
type archive struct {
	list  []manifest.Entry
	files map[string]func() (io.ReadCloser, error)
	close func() error
}

func (a *archive) entries() []manifest.Entry { return a.list }

func (a *archive) open(path string) (io.ReadCloser, error) {
	open, ok := a.files[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return open()
}

func (a *archive) Close() error { return a.close() }

// collector gathers an archive's members and turns them into a tree under the
// rules that hold for a tree on disk: names checked, special files and
// setuid files refused by name, nothing twice, nothing of the pack's keeper.
type collector struct {
	members []member
	refused []string
}

func (c *collector) refuse(name, why string) {
	c.refused = append(c.refused, fmt.Sprintf("%q %s", name[:min(len(name), 200)], why))
}

// cleanName takes away what archives put around a name: "./" before, "/"
// after a folder's. It returns "" for the top folder itself.
func cleanName(name string) string {
	name = strings.TrimPrefix(name, "./")
	name = strings.TrimSuffix(name, "/")
	if name == "." {
		return ""
	}
	return name
}

// add takes a member with the mode that the archive states for it. Only the
// permission bits of a folder are taken; a file with setuid or setgid is refused.
func (c *collector) add(m member, mode fs.FileMode) error {
	if m.Path == "" {
		return nil
	}
	if len(c.members) >= manifest.MaxEntries {
		return fmt.Errorf("it holds more than %d entries", manifest.MaxEntries)
	}
	if m.Type == manifest.File && mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		c.refuse(m.Path, "is setuid or setgid")
		return nil
	}
	if m.Type != manifest.Symlink {
		m.Mode = uint32(mode.Perm())
	}
	c.members = append(c.members, m)
	return nil
}

// finish checks the whole and returns the tree; close is what ends its use.
func (c *collector) finish(close func() error) (*archive, error) {
	c.strip()
	a := &archive{files: map[string]func() (io.ReadCloser, error){}, close: close}
	made := map[string]manifest.Type{}
	for _, m := range c.members {
		c.take(a, made, m)
	}
	a.list = append(a.list, c.implied(a.list, made)...)
	slices.SortFunc(a.list, func(x, y manifest.Entry) int { return cmp.Compare(x.Path, y.Path) })
	var seen safepath.Collisions
	for _, e := range a.list {
		if err := seen.Add(e.Path); err != nil {
			c.refused = append(c.refused, err.Error())
		}
	}
	return a, c.err()
}

func (c *collector) take(a *archive, made map[string]manifest.Type, m member) {
	if manifest.Reserved(m.Path) {
		return
	}
	if err := safepath.Check(m.Path); err != nil {
		c.refused = append(c.refused, err.Error())
		return
	}
	if err := m.CheckPlace(); err != nil {
		c.refused = append(c.refused, err.Error())
		return
	}
	if err := manifest.CheckMode(m.Type, m.Mode); err != nil {
		c.refuse(m.Path, err.Error())
		return
	}
	if old, ok := made[m.Path]; ok {
		if old != manifest.Dir || m.Type != manifest.Dir {
			c.refuse(m.Path, "stands twice")
		}
		return
	}
	made[m.Path] = m.Type
	a.list = append(a.list, m.Entry)
	if m.open != nil {
		a.files[m.Path] = m.open
	}
}

// implied gives the folders that hold entries but have none of their own.
func (c *collector) implied(list []manifest.Entry, made map[string]manifest.Type) []manifest.Entry {
	var out []manifest.Entry
	for _, e := range list {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			kind, ok := made[dir]
			if ok && kind != manifest.Dir {
				c.refuse(e.Path, "lies under something that is no folder")
			}
			if ok {
				break
			}
			made[dir] = manifest.Dir
			out = append(out, manifest.Entry{Path: dir, Type: manifest.Dir, Mode: defaultDir})
		}
	}
	return out
}

// strip takes away the one top folder that holds everything, if there is one.
func (c *collector) strip() {
	top := ""
	for _, m := range c.members {
		first, _, below := strings.Cut(m.Path, "/")
		if top == "" {
			top = first
		}
		if first != top || !below && m.Type != manifest.Dir {
			return
		}
	}
	kept := c.members[:0]
	for _, m := range c.members {
		if m.Path != top {
			m.Path = m.Path[len(top)+1:]
			kept = append(kept, m)
		}
	}
	c.members = kept
}

func (c *collector) err() error {
	if len(c.refused) == 0 {
		return nil
	}
	list := c.refused[:min(len(c.refused), maxRefused)]
	more := ""
	if n := len(c.refused) - len(list); n > 0 {
		more = fmt.Sprintf("\n  and %d more", n)
	}
	return fault.New(fault.General, "it holds what no product tree may hold:\n  %s%s", strings.Join(list, "\n  "), more).
		WithHint("take these entries out of the archive")
}
