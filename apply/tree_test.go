package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"packlift/bundle"
	"packlift/bundle/delta"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/testenv"
	"packlift/verify"
)

// node is one path of a test tree.
type node struct {
	kind manifest.Type
	text string // content or link target
	mode fs.FileMode
}

type tree map[string]node

func file(text string) node                    { return node{manifest.File, text, 0o644} }
func fileMode(text string, m fs.FileMode) node { return node{manifest.File, text, m} }
func dir(m fs.FileMode) node                   { return node{manifest.Dir, "", m} }
func link(target string) node                  { return node{manifest.Symlink, target, 0} }

// with is t changed by the nodes of change; a zero node removes.
func (t tree) with(change tree) tree {
	out := maps.Clone(t)
	for p, n := range change {
		if n.kind == "" {
			for q := range out {
				if q == p || strings.HasPrefix(q, p+"/") {
					delete(out, q)
				}
			}
		}
	}
	for p, n := range change {
		if n.kind != "" {
			out[p] = n
		}
	}
	return out
}

// makesLinks: symbolic links can be made; Windows wants a right for it.
var makesLinks = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "packlift-links-*")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "link")
	err = os.Symlink("target", name)
	target, rerr := os.Readlink(name)
	return err == nil && rerr == nil && target == "target"
})

// whole adds the folders that are only implied. Where links cannot be made there are none.
func (t tree) whole() tree {
	out := maps.Clone(t)
	maps.DeleteFunc(out, func(_ string, n node) bool { return n.kind == manifest.Symlink && !makesLinks() })
	for p := range t {
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			if _, ok := out[d]; !ok {
				out[d] = dir(0o755)
			}
		}
	}
	return out
}

func (t tree) paths() []string { return slices.Sorted(maps.Keys(t)) }

func (t tree) manifest(tb testing.TB, level int) *manifest.Manifest {
	tb.Helper()
	m := &manifest.Manifest{Product: "demo", Version: "1.0", Level: level}
	w := t.whole()
	for _, p := range w.paths() {
		n := w[p]
		e := manifest.Entry{Path: p, Type: n.kind, Mode: uint32(n.mode)}
		switch n.kind {
		case manifest.File:
			e.Size, e.SHA256 = int64(len(n.text)), manifest.Sum([]byte(n.text))
		case manifest.Symlink:
			e.Target = n.text
		}
		m.Entries = append(m.Entries, e)
	}
	if err := m.Check(); err != nil {
		tb.Fatal(err)
	}
	return m
}

// write lays t at dir.
func (t tree) write(tb testing.TB, top string) {
	tb.Helper()
	w := t.whole()
	for _, p := range w.paths() {
		n, name := w[p], filepath.Join(top, p)
		switch n.kind {
		case manifest.Dir:
			must(tb, os.MkdirAll(name, 0o755))
		case manifest.File:
			must(tb, os.WriteFile(name, []byte(n.text), 0o644))
			must(tb, os.Chmod(name, n.mode))
		case manifest.Symlink:
			must(tb, os.Symlink(n.text, name))
		}
	}
	for _, p := range slices.Backward(w.paths()) {
		if w[p].kind == manifest.Dir {
			must(tb, os.Chmod(filepath.Join(top, p), w[p].mode))
		}
	}
}

// readTree is what lies at dir, less the pack's own data.
func readTree(tb testing.TB, top string) tree {
	tb.Helper()
	out := tree{}
	must(tb, filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p, _ := filepath.Rel(top, name)
		if p = filepath.ToSlash(p); p == "." {
			return nil
		}
		if p == "updates" {
			return filepath.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		n := node{manifest.File, "", info.Mode().Perm()}
		switch {
		case e.IsDir():
			n.kind = manifest.Dir
		case info.Mode()&fs.ModeSymlink != 0:
			n = node{kind: manifest.Symlink}
			n.text, err = os.Readlink(name)
		default:
			b, rerr := os.ReadFile(name)
			n.text, err = string(b), rerr
		}
		out[p] = n
		return err
	}))
	return out
}

func (t tree) String() string {
	var b strings.Builder
	for _, p := range t.paths() {
		text := t[p].text
		if len(text) > 60 {
			text = fmt.Sprintf("%d bytes %x", len(text), sha256.Sum256([]byte(text)))
		}
		fmt.Fprintf(&b, "%s %s %o %q\n", p, t[p].kind, t[p].mode, text)
	}
	return b.String()
}

// canBe skips a test whose point is what cannot be made here.
func (t tree) canBe(tb testing.TB) {
	tb.Helper()
	for _, n := range t {
		if n.kind == manifest.Symlink && !makesLinks() || n.kind == manifest.File && n.mode != 0o644 && !rootfs.KeepsModes {
			tb.Skip("links cannot be made here, or modes are not kept")
		}
	}
}

// shown is t without what the system does not keep of it.
func (t tree) shown() tree {
	out := maps.Clone(t)
	for p, n := range out {
		if !rootfs.KeepsModes {
			n.mode = 0
		}
		out[p] = n
	}
	return out
}

func sameTree(tb testing.TB, what string, got, want tree) {
	tb.Helper()
	if g, w := got.shown().String(), want.whole().shown().String(); g != w {
		tb.Errorf("%s: the tree is\n%s\nwant\n%s", what, g, w)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// fakeBundle stands for a verified bundle.
type fakeBundle struct {
	info         bundle.Info
	base, target *manifest.Manifest
	between      map[int]*manifest.Manifest
	contents     []manifest.Content
	bodies       map[manifest.Digest][]byte // as they travel
	lacks        int                        // so many of the contents do not come
}

func newFake(tb testing.TB, base, target tree, start, end int) *fakeBundle {
	tb.Helper()
	f := &fakeBundle{bodies: map[manifest.Digest][]byte{}}
	f.info = bundle.Info{ID: strings.Repeat("ab", 16), Product: "demo", Version: "1.0", Kind: bundle.Update, Start: start, End: end,
		Sequence: manifest.Sequence{Level: end}, MinSequence: manifest.Sequence{Level: start}}
	if base == nil {
		f.info.Kind = bundle.Full
	} else {
		f.base = base.manifest(tb, start)
		f.info.BaseManifest = f.base.Digest()
	}
	f.target = target.manifest(tb, end)
	f.info.TargetManifest = f.target.Digest()
	for _, b := range manifest.Needed(f.base, f.target) {
		f.carry(tb, b, base, target)
	}
	return f
}

// carry adds a content: as a delta where the old tree has a file in its place.
func (f *fakeBundle) carry(tb testing.TB, b manifest.Blob, base, target tree) {
	tb.Helper()
	c := manifest.Content{Blob: b}
	for p, n := range target {
		if n.kind != manifest.File || manifest.Sum([]byte(n.text)) != b.SHA256 {
			continue
		}
		f.bodies[b.SHA256] = []byte(n.text)
		if old, ok := base[p]; ok && old.kind == manifest.File && !c.Delta {
			c.Delta, c.Bases = true, []manifest.Digest{manifest.Sum([]byte(old.text))}
			f.bodies[b.SHA256] = deltaOf(tb, n.text, old.text)
			break
		}
	}
	f.contents = append(f.contents, c)
}

func deltaOf(tb testing.TB, text, old string) []byte {
	tb.Helper()
	blob := func(s string) delta.Blob {
		return delta.Blob{Content: delta.Content{Size: int64(len(s)), SHA256: manifest.Sum([]byte(s))}, Data: strings.NewReader(s)}
	}
	d, err := delta.Make(blob(text), []delta.Blob{blob(old)}, delta.Options{})
	must(tb, err)
	var b bytes.Buffer
	_, err = d.WriteTo(&b)
	must(tb, err)
	return b.Bytes()
}

type fakeBlobs struct {
	f    *fakeBundle
	next int
}

func (b *fakeBlobs) Next() (*content, error) {
	if b.next == len(b.f.contents)-b.f.lacks {
		return nil, io.EOF
	}
	c := b.f.contents[b.next]
	b.next++
	body := b.f.bodies[c.SHA256]
	return &content{c, int64(len(body)), bytes.NewReader(body)}, nil
}

func (f *fakeBundle) plan(p *pack.Pack, o Options) (*Plan, error) {
	fit, err := f.fit(p, o)
	if err != nil {
		return nil, err
	}
	return planUpdate(context.Background(), p, &f.info, fit, &verify.Levels{Base: f.base, Target: f.target, Between: f.between, Contents: f.contents}, o)
}

func (f *fakeBundle) fit(p *pack.Pack, o Options) (FitResult, error) {
	if f.info.Kind == bundle.Hotfix {
		return fitHotfix(p, &f.info)
	}
	return fitInfo(p, &f.info, o.Level)
}

func (f *fakeBundle) run(ctx context.Context, p *pack.Pack, pl *Plan, o Options) (*Result, error) {
	return pl.execute(ctx, p, &fakeBlobs{f: f}, o.withDefaults())
}

func testOptions() Options {
	return Options{AllowRoot: true, Jobs: 2, Now: func() time.Time { return time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC) }}
}

// scratch is a folder in memory where there is such a place: runs sync often.
func scratch(tb testing.TB) string {
	tb.Helper()
	return scratchIn(tb, testenv.Memory(16<<20, false))
}

func scratchIn(tb testing.TB, dir string) string {
	tb.Helper()
	top, err := os.MkdirTemp(dir, "packlift-apply-*")
	must(tb, err)
	tb.Cleanup(func() { removeTree(top) })
	return top
}

// removeTree removes read-only folders as well.
func removeTree(top string) {
	filepath.WalkDir(top, func(name string, e fs.DirEntry, _ error) error {
		if e != nil && e.IsDir() {
			os.Chmod(name, 0o700)
		}
		return nil
	})
	os.RemoveAll(top)
}

// newPack lays t at a new folder and makes it a pack on level.
func newPack(tb testing.TB, t tree, level int) *pack.Pack {
	tb.Helper()
	p := initPack(tb, filepath.Join(scratch(tb), "pack"), t, level)
	tb.Cleanup(func() { p.Close() })
	return p
}

func initPack(tb testing.TB, top string, t tree, level int) *pack.Pack {
	tb.Helper()
	must(tb, os.MkdirAll(top, 0o755))
	t.write(tb, top)
	p, err := pack.Init(top, pack.InitOptions{Product: "demo", Version: "1.0", Level: max(level, 0), Empty: level < 0, Trust: map[string][]byte{
		"allowed_signers": []byte("vendor ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJcLbFh4PpGe2xYpQGHSpBgHkz5lxS3mO4fqhtGJ0kMO\n"), "revoked_keys": nil, "policy.json": []byte("{}\n")}})
	must(tb, err)
	return p
}

func update(tb testing.TB, p *pack.Pack, f *fakeBundle, o Options) *Result {
	tb.Helper()
	pl, err := f.plan(p, o)
	must(tb, err)
	res, err := f.run(context.Background(), p, pl, o)
	must(tb, err)
	return res
}

func revert(tb testing.TB, p *pack.Pack, o Options) *Result {
	tb.Helper()
	pl, err := NewRevert(context.Background(), p, o)
	must(tb, err)
	res, err := RunRevert(context.Background(), p, pl, o)
	must(tb, err)
	return res
}

// tidy fails if a finished run left anything behind.
func tidy(tb testing.TB, p *pack.Pack) {
	tb.Helper()
	for _, name := range []string{journalName, undoName} {
		if ok, err := p.Root().Exists(name); ok || err != nil {
			tb.Errorf("%s is there (%v)", name, err)
		}
	}
	if list, err := os.ReadDir(filepath.Join(p.Dir(), stageRoot)); err == nil && len(list) > 0 {
		tb.Errorf("the stage holds %v", list)
	}
	list, err := os.ReadDir(filepath.Join(p.Dir(), dataDir))
	must(tb, err)
	for _, e := range list {
		if strings.HasPrefix(e.Name(), ".packlift-tmp-") || strings.HasPrefix(e.Name(), "reserve") {
			tb.Errorf("%s is left", e.Name())
		}
	}
	if r, err := p.CheckAudit(); err != nil || !r.OK() {
		tb.Errorf("audit log: %+v, %v", r, err)
	}
}
