package apply

import (
	"encoding/json"
	"io"
	"path/filepath"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// measuring follows a run from its stage to its end and counts what it takes on
// each file system, in the order of the commit protocol: the most at any point
// is what has to be free.
type measuring struct {
	*meter
	pl   *Plan
	p    *pack.Pack
	o    Options
	at   places
	root *rootfs.Root
	home *Space // of the pack's own data
	head head   // as the journal will have it
	text int64  // bytes of the changelog
}

// logLines is what a run adds to its log after the plan, in bytes.
const logLines = 200

// measure fills in Space, and how much the reserve has to hold.
func (pl *Plan) measure(p *pack.Pack, o Options) (err error) {
	m := &measuring{meter: newMeter(), pl: pl, p: p, o: o, at: places{pl.head.Txn}, root: p.Root()}
	if m.home, err = m.space(m.root, dataDir); err != nil {
		return err
	}
	if err := m.reports(); err != nil {
		return err
	}
	for _, part := range []func() error{m.stage, m.outside, m.reserve, m.commit} {
		if err := part(); err != nil {
			return err
		}
	}
	pl.Space = m.list()
	return nil
}

// reports finds out how long the journal's head and the changelog will be.
func (m *measuring) reports() error {
	m.pl.states(m.o.Now())
	m.head = m.pl.head
	text, err := m.pl.changelogText(m.o)
	if err != nil || text == nil {
		return err
	}
	m.text, m.head.Changelog = int64(len(text)), m.head.changelogName()
	return nil
}

// stage is steps 2 to 4 of the protocol.
func (m *measuring) stage() error {
	n := newNames(m, m.root)
	for _, dir := range []string{m.at.newDir(), m.at.oldDir()} {
		n.folder(dir)
	}
	for _, top := range m.head.Mounts {
		n.folder(m.at.mount(top))
	}
	note, err := json.Marshal(note{Mark: "26 characters of base32, so", Outside: m.head.Outside, Mounts: m.head.Mounts, State: manifest.Digest{}.String()})
	if err != nil {
		return err
	}
	n.file(m.at.note(), int64(len(note)))
	for i := range m.pl.ops {
		m.stageNew(n, &m.pl.ops[i])
	}
	if err := m.scratch(n); err != nil {
		return err
	}
	for i := range m.pl.ops {
		m.stageOld(n, &m.pl.ops[i])
	}
	if err := m.backup(n); err != nil {
		return err
	}
	for _, signed := range m.pl.manifests() {
		if err := m.manifest(n, signed); err != nil {
			return err
		}
	}
	if len(m.pl.customized) > 0 {
		n.file(customizedName(m.pl.target.Digest()), int64(len(m.pl.customized)))
	}
	if m.head.Changelog != "" {
		n.file(m.at.changelog(), m.text)
	}
	return n.settle()
}

// scratch is what is made on the way, and gone before the backup is made.
func (m *measuring) scratch(n *names) error {
	list := m.pl.onTheWay()
	if len(list) == 0 {
		return nil
	}
	dir := m.at.scratchDir()
	for i, b := range list {
		n.file(scratchName(dir, i), b.Size)
	}
	if err := n.settle(); err != nil {
		return err
	}
	for _, b := range list {
		n.in[dir].space.take(-n.in[dir].space.file(b.Size), -1)
	}
	n.gone(dir)
	return nil
}

func (m *measuring) stageNew(n *names, o *op) {
	if o.needsNew() && !(m.head.Reverts > 0 && o.New == treeName(m.head.Reverts, o.Path)) {
		if s := n.name(o.New); !m.pl.lying[o.Path] {
			s.addFile(o.After.Size)
		}
		n.most.see(o.Path, o.After.Size)
	}
}

// stageOld is the place of what goes, in the stage or in the backup.
func (m *measuring) stageOld(n *names, o *op) {
	switch {
	case o.Old == "":
	case o.removesDir():
		n.folder(o.Old)
	default:
		n.name(o.Old)
	}
	if m.head.Generation == 0 {
		return
	}
	kept := treeName(m.head.Generation, o.Path)
	if o.removesDir() {
		n.folder(kept)
	} else if m.pl.local[o.Path] {
		before := m.home.Need
		n.old(kept, o.Before)
		m.home.backup += m.home.Need - before
	}
}

func (m *measuring) backup(n *names) error {
	if m.head.Generation == 0 {
		return nil
	}
	gen := generationDir(m.head.Generation)
	n.folder(gen + "/" + treeDir)
	size, err := m.record(recordBackup)
	n.file(gen+"/"+backupRecord, size)
	return err
}

func (m *measuring) record(what string) (int64, error) {
	h := m.head
	h.Record = what
	return recordSize(h, m.pl.ops)
}

// manifest is one that is kept, unless the pack has it already.
func (m *measuring) manifest(n *names, signed *manifest.Manifest) error {
	if signed == nil {
		return nil
	}
	name := pack.ManifestName(signed.Digest())
	if there, err := exists(m.root, name); err != nil || there {
		return err
	}
	size, err := signed.WriteTo(io.Discard)
	n.file(name, size)
	return err
}

// outside is the backup in a folder outside the pack.
func (m *measuring) outside() error {
	if m.pl.outside == "" {
		return nil
	}
	root, closeRoot, err := openNearest(m.pl.outside)
	if err != nil {
		return err
	}
	defer closeRoot()
	s, err := m.space(root, ".")
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root.Path(), m.head.Outside)
	if err != nil {
		return err
	}
	before, dir := s.Need, filepath.ToSlash(rel)
	n := newNames(m, root)
	n.folder(dir + "/" + treeDir)
	n.file(dir+"/"+noteName, 1)
	for i := range m.pl.ops {
		o := &m.pl.ops[i]
		if name := dir + "/" + treeDir + "/" + o.Path; o.removesDir() {
			n.folder(name)
		} else if o.movesAway() {
			n.old(name, o.Before)
		}
	}
	size, err := m.record(recordBackup)
	if err != nil {
		return err
	}
	n.file(dir+"/"+backupRecord, size)
	err = n.settle()
	if m.head.Remember == "" { // a remembered folder, not one given now
		s.backup += s.Need - before
	}
	return err
}

// reserve is what the steps after the commit point, or turning back, will take;
// it is taken before the journal is written, and given back when they begin.
func (m *measuring) reserve() error {
	end := &Space{costs: m.home.costs}
	before, after := int64(len(m.head.StateBefore)), int64(len(m.head.StateAfter))
	end.replace(before, after)
	if err := m.endFloor(end, after); err != nil {
		return err
	}
	if m.head.Remember != "" || m.head.Keep != nil {
		end.replace(sizeAt(m.root, pack.ConfigFile), max(sizeAt(m.root, pack.ConfigFile), 0)+int64(len(m.head.Remember)+100))
	}
	size, more, err := m.p.AuditGrowth(m.head.Kind, auditFields(&m.head, len(m.pl.ops)))
	if err != nil {
		return err
	}
	end.grow(size, more)
	if m.head.Changelog != "" {
		s, err := m.space(m.root, pack.Updates)
		if err != nil {
			return err
		}
		if s == m.home {
			s = end
		}
		s.replace(sizeAt(m.root, m.head.Changelog), m.text)
	}
	if err := m.log(); err != nil {
		return err
	}
	m.pl.reserve = reserve{int64(end.Need), int64(end.NeedInodes)}
	m.home.take(m.pl.reserve.bytes, m.pl.reserve.inodes)
	return nil
}

// log is what the run's log takes: its last lines, or where this is a dry run all
// that the run to come will have written before.
func (m *measuring) log() error {
	s, err := m.space(m.root, pack.Updates)
	switch {
	case err != nil:
		return err
	case m.o.LogFile != "":
		s.grow(sizeAt(m.root, m.o.LogFile), logLines)
	case m.o.LogDry > 0:
		there, err := m.root.Exists(pack.LogDir)
		if err != nil {
			return err
		}
		if !there {
			s.take(s.folder(1), 1)
		}
		s.addFile(m.o.LogDry + logLines)
	}
	return nil
}

// floorSize is more than a floor's file is long.
const floorSize = 300

func (m *measuring) endFloor(end *Space, state int64) error {
	if m.head.Floor == nil || *m.head.Floor == (manifest.Sequence{}) {
		return nil
	}
	old, ok, err := m.p.Floor()
	if err != nil {
		return err
	}
	if !ok || m.head.Floor.Compare(old) > 0 {
		end.replace(sizeAt(m.root, pack.FloorFile), floorSize)
	}
	if !m.pl.before.FloorSeen {
		end.replace(state, state)
	}
	return nil
}

// sizeAt is -1 where there is no file.
func sizeAt(root *rootfs.Root, name string) int64 {
	info, err := root.Lstat(name)
	if err != nil {
		return -1
	}
	return info.Size()
}

// commit is the journal and what the moves take: folders go before others come.
func (m *measuring) commit() error {
	size, err := m.record(recordJournal)
	if err != nil {
		return err
	}
	m.home.addFile(size)
	m.pl.largest.see(journalName, size)
	n := newNames(m, m.root)
	for i := range m.pl.ops {
		o := &m.pl.ops[i]
		if o.removesDir() {
			if err := m.goes(o); err != nil {
				return err
			}
		}
	}
	for i := range m.pl.ops {
		switch o := &m.pl.ops[i]; {
		case o.makesDir():
			n.folder(o.Path)
		case o.makesLink():
			n.old(o.Path, o.After)
		case o.placesNew() && !isLeaf(o.Before):
			n.name(o.Path)
		}
	}
	return n.settle()
}

// goes gives back what a removed folder has.
func (m *measuring) goes(o *op) error {
	s, err := m.space(m.root, o.Path)
	if err != nil {
		return err
	}
	bytes := s.folder(0)
	if s.kind == rootfs.Ext && o.seen.Known() {
		bytes = o.seen.Size()
	}
	s.take(-bytes, -1)
	return nil
}
