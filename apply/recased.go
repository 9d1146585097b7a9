package apply

import (
	"os"
	"strings"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

// Where the file system ignores case, a name whose case alone the run changes stands
// for one file, though the levels have it as a removed path and an added one. What is
// decided about the old name is decided about both.

// comingFor is the added change whose path is the removed path p in another case, and
// which the file system takes for the same; nil where there is none. Few runs ask.
func (d *decider) comingFor(p string) (*manifest.Change, error) {
	if d.recasings == nil {
		d.recasings = map[string]*manifest.Change{}
		for i := range d.changes {
			if c := &d.changes[i]; c.Old == nil {
				if folded := safepath.Fold(c.Path); d.removed[folded] != "" {
					d.recasings[folded] = c
				}
			}
		}
	}
	c := d.recasings[safepath.Fold(p)]
	if c == nil || c.Path == p {
		return nil, nil
	}
	now, err := d.root.Lstat(c.Path)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old, err := d.root.Lstat(p)
	if err != nil || !os.SameFile(old, now) {
		return nil, err
	}
	return c, nil
}

// recased finds the added change that is to stand where the customized file of x
// stands, and says so in the reason.
func (d *decider) recased(x *clash) (err error) {
	if x.change.New != nil || x.entry == nil || x.blocked != "" {
		return nil
	}
	if x.coming, err = d.comingFor(x.Path); x.coming != nil {
		x.Reason = "changed here and named " + x.coming.Path + " by " + d.verb
	}
	return err
}

// newer is what the new level has in the place of x.
func (x *clash) newer() *manifest.Entry {
	if x.coming != nil {
		return x.coming.New
	}
	return x.change.New
}

// dropComing takes back what was to come in the place of x, and gives its paths.
func (d *decider) dropComing(x *clash) (dropped []string) {
	if x.coming == nil {
		return nil
	}
	top := x.coming.Path
	left := d.ops[:0]
	for _, o := range d.ops {
		if o.Path == top || strings.HasPrefix(o.Path, top+"/") {
			dropped = append(dropped, o.Path)
			continue
		}
		left = append(left, o)
	}
	d.ops = left
	return dropped
}

// finalUnderNewName has the final file come under the name that the new level has.
func (d *decider) finalUnderNewName(x *clash, after manifest.Entry, name string) {
	d.dropComing(x)
	d.op(x.Path, x.entry, nil, x.mark)
	after.Path = x.coming.Path
	d.op(after.Path, nil, &after, rootfs.Mark{})
	d.ops[len(d.ops)-1].own = &own{file: name}
}

// keepRecased: the folder dir stays, so what was to come in its place under a name of
// another case is there already, with its mode to be set, or has no room.
func (d *decider) keepRecased(dir string) error {
	c, err := d.comingFor(dir)
	if err != nil || c == nil {
		return err
	}
	now, info, err := lookAt(d.root, c.Path)
	if err != nil || now == nil {
		return err
	}
	if !isDir(c.New) {
		d.conflict(emptyFolder, c.Path, "is a folder that holds files of its own here and becomes a %s by %s", c.New.Type, d.verb)
		return nil
	}
	left := d.ops[:0]
	for _, o := range d.ops {
		if o.Path == c.Path {
			if same(now, c.New) {
				continue
			}
			o.Before, o.seen = now, rootfs.MarkOf(info)
		}
		left = append(left, o)
	}
	d.ops = left
	return nil
}
