package apply

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// customizedDir has, for each signed manifest that a run left files other than, which
// and how they were left. Nothing is decided by it but what is told of them: a file
// is known to differ only while it is as it was left.
const customizedDir = dataDir + "/customized"

const maxCustomized = 64 << 20

// How a path came to differ from the manifest.
const (
	AsMerged    = "merged"    // the site's changes and the update's, put together
	AsDecided   = "decided"   // by F.final or --ours
	AsPreserved = "preserved" // its pattern keeps it
)

// left is a path as a run left it.
type left struct {
	Path string     `json:"path"`
	As   string     `json:"as"`
	Is   *entryLine `json:"is"` // null: nothing stands there
}

type customizedFile struct {
	Format int    `json:"customized"`
	Paths  []left `json:"paths"`
}

func customizedName(d manifest.Digest) string { return customizedDir + "/" + d.String() + ".json" }

// readCustomized gives what is known for the manifest d, by path.
func readCustomized(root *rootfs.Root, d manifest.Digest) (map[string]left, error) {
	name := customizedName(d)
	b, err := root.ReadFile(name, maxCustomized)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var f customizedFile
	if err := json.Unmarshal(b, &f); err != nil || f.Format != 1 {
		return nil, damagedNote(root, name)
	}
	out := make(map[string]left, len(f.Paths))
	for _, l := range f.Paths {
		if productPath(l.Path) != nil || l.As != AsMerged && l.As != AsDecided {
			return nil, damagedNote(root, name)
		}
		out[l.Path] = l
	}
	return out, nil
}

func damagedNote(root *rootfs.Root, name string) error {
	return fault.New(fault.Differs, "%s is damaged", root.Full(name)).WithHint("move it aside; files that it names are told as changed then")
}

// fits: what stands at the path is what the run left there. A site's link may lead
// anywhere; it is compared, and nothing else.
func (l left) fits(now *manifest.Entry) bool {
	if l.Is == nil || now == nil {
		return l.Is == nil && now == nil
	}
	was := &manifest.Entry{Path: l.Path, Type: l.Is.Type, Mode: l.Is.Mode, Size: l.Is.Size, Target: l.Is.Target}
	if l.Is.SHA256 != nil {
		was.SHA256 = *l.Is.SHA256
	}
	return same(now, was)
}

// customize notes where the run will leave files that are other than its target
// says, and carries on what is known of those that it does not touch.
func (pl *Plan) customize(p *pack.Pack) error {
	if pl.target == nil {
		return nil
	}
	list := map[string]left{}
	if !pl.before.Manifest.IsZero() {
		before, err := readCustomized(p.Root(), pl.before.Manifest)
		if err != nil {
			return err
		}
		for path, l := range before {
			if has(pl.target, path) {
				list[path] = l
			}
		}
	}
	pl.leave(list)
	if len(list) == 0 { // what an earlier attempt noted must not stay
		if there, err := exists(p.Root(), customizedName(pl.target.Digest())); err != nil || !there {
			return err
		}
	}
	f := customizedFile{1, make([]left, 0, len(list))}
	for _, l := range list {
		f.Paths = append(f.Paths, l)
	}
	slices.SortFunc(f.Paths, func(a, b left) int { return strings.Compare(a.Path, b.Path) })
	var err error
	pl.customized, err = json.Marshal(f)
	if err == nil && len(pl.customized) > maxCustomized {
		err = fmt.Errorf("%d files of this site differ from the level, which is too many to note", len(list))
	}
	return err
}

// leave brings into list what the plan's ops and decisions make of paths.
func (pl *Plan) leave(list map[string]left) {
	note := func(path, as string, now *manifest.Entry) {
		want, ok := pl.target.Find(path)
		if !ok || same(now, &want) {
			delete(list, path)
			return
		}
		list[path] = left{path, as, lineOf(now)}
	}
	for i := range pl.ops {
		o := &pl.ops[i]
		as := AsMerged
		if o.own != nil && o.own.file != "" {
			as = AsDecided
		}
		note(o.Path, as, o.After)
	}
	if pl.choices == nil {
		return
	}
	for path, stay := range pl.choices.stays {
		note(path, stay.as, stay.entry)
	}
}

// stay is a path that was decided and that no op touches.
type stay struct {
	as    string
	entry *manifest.Entry
}

func (c *choices) stay(path, as string, e *manifest.Entry) {
	if c.stays == nil {
		c.stays = map[string]stay{}
	}
	c.stays[path] = stay{as, e}
}

// saveCustomized is part of step 4 of the protocol: until the target's manifest is
// the pack's, nothing reads it.
func (t *stager) saveCustomized() error {
	if len(t.pl.customized) == 0 {
		return nil
	}
	if err := t.root.MkdirAll(customizedDir, 0o700); err != nil {
		return err
	}
	return t.root.PlaceFile(customizedName(t.pl.target.Digest()), t.pl.customized, 0o600)
}
