package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/verify"
)

// What `stage` prepares lies in staged/, each content under its SHA-256, beside a note
// of what it is for. A run that needs a content which lies there reads it once, to
// prove that it is the one that the signed manifest names, and moves it into its own
// stage: nothing in the folder is believed, and a part of it is as good as all of it.
const (
	stagedDir  = dataDir + "/staged"
	stagedNote = stagedDir + "/bundle.json"
	maxStaged  = 1 << 20
)

// StagedInfo tells what is staged.
type StagedInfo struct {
	Bundle   string `json:"bundle"`
	Kind     string `json:"kind"`
	From     int    `json:"from"`
	To       int    `json:"to"`
	Hotfix   int    `json:"hotfix,omitempty"`
	Contents int    `json:"contents"`
	Bytes    int64  `json:"bytes"`
	Complete bool   `json:"complete"`
}

func (i *StagedInfo) String() string {
	text := fmt.Sprintf("%s from level %s to %s", i.Kind, levelName(i.From), levelName(i.To))
	if i.Hotfix > 0 {
		text = fmt.Sprintf("hotfix %d of level %s", i.Hotfix, levelName(i.To))
	}
	if !i.Complete {
		text += ", in part"
	}
	return fmt.Sprintf("%s (bundle %.12s)", text, i.Bundle)
}

type stagedFile struct {
	Format int    `json:"format"`
	State  string `json:"state"` // that the pack has to be in, by its digest
	StagedInfo
}

// Staged tells what is staged for the pack as it is, nil for nothing.
func Staged(p *pack.Pack) (*StagedInfo, error) {
	f, err := readStaged(p)
	if err != nil || f == nil {
		return nil, err
	}
	return &f.StagedInfo, nil
}

// readStaged gives nil where there is no note, or one that does not fit the pack.
func readStaged(p *pack.Pack) (*stagedFile, error) {
	b, err := p.Root().ReadFile(stagedNote, maxStaged)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	var f stagedFile
	bundleID := func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) }
	if json.Unmarshal(b, &f) != nil || f.Format != 1 || f.State != stateSum(pack.MarshalState(s)) || strings.ContainsFunc(f.Bundle, bundleID) {
		return nil, nil
	}
	if f.Kind = string(printableKind(f.Kind)); f.Kind == "" {
		return nil, nil
	}
	return &f, nil
}

func printableKind(kind string) string {
	for _, k := range kindNames {
		if k == kind {
			return k
		}
	}
	return ""
}

// SweepStaged removes what was staged for another state of the pack. The caller holds
// the lock.
func SweepStaged(p *pack.Pack, log *slog.Logger) error {
	if there, err := exists(p.Root(), stagedDir); err != nil || !there {
		return err
	}
	f, err := readStaged(p)
	if err != nil || f != nil {
		return err
	}
	log.Info("what was staged does not fit the pack any more, and goes")
	return DropStaged(p)
}

// DropStaged removes all that is staged; the note goes last.
func DropStaged(p *pack.Pack) error {
	list, err := p.Root().ReadDir(stagedDir)
	if absent(err) {
		return nil
	}
	for _, e := range list {
		if name := stagedDir + "/" + e.Name(); err == nil && name != stagedNote {
			err = p.Root().RemoveAll(name)
		}
	}
	if err != nil {
		return err
	}
	return p.Root().RemoveAll(stagedDir)
}

// Stage makes the contents that the plan needs, durably, while the product may run:
// the plan's run will find them. What lies there already and is whole stays. The
// caller holds the lock.
func Stage(ctx context.Context, p *pack.Pack, b *verify.Bundle, pl *Plan, o Options) (*StagedInfo, error) {
	o = o.withDefaults()
	source := payloadFor(b, o)
	info, err := pl.stageAll(ctx, p, source, o)
	return info, errors.Join(err, source.Close())
}

func (pl *Plan) stageAll(ctx context.Context, p *pack.Pack, source blobs, o Options) (*StagedInfo, error) {
	if err := pl.ready(p, o); err != nil {
		return nil, err
	}
	old, err := readStaged(p)
	if err == nil && (old == nil || old.Bundle != pl.head.Bundle) {
		err = DropStaged(p)
	}
	if err != nil {
		return nil, err
	}
	part := *pl
	part.ops = pl.stagedOps()
	f := stagedFile{1, stateSum(pack.MarshalState(pl.before)), StagedInfo{pl.head.Bundle, pl.Kind, pl.From, pl.To, pl.head.Hotfix, len(part.ops), 0, false}}
	for i := range part.ops {
		f.Bytes += part.ops[i].After.Size
	}
	part.Write = f.Bytes
	if err := p.Root().MkdirAll(stagedDir, 0o700); err != nil {
		return nil, err
	}
	if err := errors.Join(p.Root().Sweep(stagedDir), f.save(p.Root())); err != nil {
		return nil, err
	}
	s := newStager(p, &part, o)
	s.scratch = stagedDir + "/scratch"
	s.all = s.wanted()
	if err := part.keepGood(ctx, p.Root(), o.Jobs); err != nil {
		return nil, stopped(ctx, err)
	}
	if err := s.contentsFrom(ctx, source, s.wanted()); err != nil {
		return nil, stopped(ctx, spaceOr(err))
	}
	if err := s.dropScratch(); err != nil {
		return nil, err
	}
	if err := syncPack(p.Root(), nil, map[string]bool{stagedDir: true, dataDir: true}); err != nil {
		return nil, err
	}
	f.Complete = true
	return &f.StagedInfo, f.save(p.Root())
}

func (f *stagedFile) save(root *rootfs.Root) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return root.WriteFile(stagedNote, b, 0o600)
}

// stagedOps has one op for each content, which stages it under its digest.
func (pl *Plan) stagedOps() (out []op) {
	seen := map[manifest.Digest]bool{}
	for i := range pl.ops {
		o := pl.ops[i]
		if !o.needsNew() || o.split || o.own != nil || seen[o.After.SHA256] {
			continue
		}
		seen[o.After.SHA256] = true
		o.New = stagedName(o.After.SHA256)
		out = append(out, o)
	}
	return out
}

func stagedName(d manifest.Digest) string { return stagedDir + "/" + d.String() }

// keepGood drops the ops whose content lies there whole, and what else lies there.
func (pl *Plan) keepGood(ctx context.Context, root *rootfs.Root, jobs int) error {
	good := make([]bool, len(pl.ops))
	wanted := map[string]bool{path.Base(stagedNote): true}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i := range pl.ops {
		o := &pl.ops[i]
		wanted[path.Base(o.New)] = true
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			if good[i], err = isWhole(root, o.New, o.After); err == nil && !good[i] {
				err = root.RemoveAll(o.New)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var left []op // not in their place, where others know them
	for i, o := range pl.ops {
		if !good[i] {
			left = append(left, o)
		}
	}
	pl.ops = left
	list, err := root.ReadDir(stagedDir)
	for _, e := range list {
		if err == nil && !wanted[e.Name()] {
			err = root.RemoveAll(stagedDir + "/" + e.Name())
		}
	}
	return err
}

// isWhole: the file at name is what e says.
func isWhole(root *rootfs.Root, name string, e *manifest.Entry) (bool, error) {
	now, _, err := lookAt(root, name)
	if err != nil || !isFile(now) || now.Size != e.Size {
		return false, err
	}
	now.SHA256, _, err = hashAt(root, name)
	return err == nil && now.SHA256 == e.SHA256, err
}

// findStaged notes the paths whose content the run will move out of what is staged,
// and so needs no room for.
func (pl *Plan) findStaged(root *rootfs.Root) error {
	pl.lying = map[string]bool{}
	if there, err := exists(root, stagedDir); err != nil || !there {
		return err
	}
	seen := map[manifest.Digest]bool{}
	at := places{pl.head.Txn}
	for i := range pl.ops {
		o := &pl.ops[i]
		if !o.needsNew() || o.split || o.own != nil || pl.Kind == kindRevert || seen[o.After.SHA256] || path.Dir(o.New) != at.newDir() {
			continue
		}
		seen[o.After.SHA256] = true
		info, err := root.Lstat(stagedName(o.After.SHA256))
		if err != nil && !absent(err) {
			return err
		}
		pl.lying[o.Path] = err == nil && info.Mode().IsRegular() && info.Size() == o.After.Size
	}
	return nil
}

// fromStaged takes out of want what lies ready.
func (t *stager) fromStaged(ctx context.Context, want *wants) error {
	if there, err := exists(t.root, stagedDir); err != nil || !there {
		return err
	}
	var mu sync.Mutex
	var done []manifest.Digest
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(4, t.o.Jobs))
	for ops := range want.each {
		d := ops[0].After.SHA256
		g.Go(func() error {
			ok, err := t.takeStaged(ctx, stagedName(d), ops)
			if ok {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, d)
			}
			return err
		})
	}
	err := g.Wait()
	for _, d := range done {
		want.take(d)
	}
	return err
}

// takeStaged moves one content into the run's stage, if it is whole; further paths get
// copies. One that is not whole is removed, and the bundle has to bring it.
func (t *stager) takeStaged(ctx context.Context, name string, ops []*op) (bool, error) {
	if ctx.Err() != nil {
		return false, interrupted(ctx)
	}
	o := ops[0]
	before, err := t.root.Lstat(name)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	good, err := isWhole(t.root, name, o.After)
	if err != nil {
		return false, err
	}
	if !good {
		t.o.Log.Warn("a staged content is not whole, and the bundle's is taken", "path", o.Path)
		return false, t.root.RemoveAll(name)
	}
	if err := t.bringStaged(ctx, name, before, o); err != nil {
		return false, err
	}
	for _, other := range ops[1:] {
		if err := t.copyStaged(ctx, o, other); err != nil {
			return false, err
		}
	}
	return true, nil
}

// bringStaged moves the file where a rename can, as the one that was read, and else
// copies it; a copy is checked as it is made.
func (t *stager) bringStaged(ctx context.Context, name string, before fs.FileInfo, o *op) error {
	links, err := t.root.Links(name)
	if err != nil {
		return err
	}
	if links == 1 && path.Dir(o.New) == t.at.newDir() {
		err = t.root.Move(name, o.New)
		if err == nil {
			return t.dress(o, before)
		}
		if !crossed(err) {
			return err
		}
	}
	f, err := t.root.Open(name)
	if err != nil {
		return missingNow(o.Path, err)
	}
	return errors.Join(t.write(o, &contextReader{ctx, f}), f.Close())
}

// dress gives a moved file the owner, attributes and mode that it has to have.
func (t *stager) dress(o *op, before fs.FileInfo) error {
	now, err := t.root.Lstat(o.New)
	if err != nil {
		return err
	}
	if !os.SameFile(before, now) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
		return changedMeanwhile(o.New)
	}
	if err := t.root.CopyMetaFrom(t.root, t.model(o), o.New); err != nil {
		return err
	}
	if err := t.root.Chmod(o.New, fs.FileMode(o.After.Mode)); err != nil {
		return err
	}
	t.o.Progress(t.done.Add(o.After.Size), t.total)
	if rootfs.SyncsFS {
		return nil
	}
	return t.root.SyncDir(o.New) // its content was synced when it was staged
}
