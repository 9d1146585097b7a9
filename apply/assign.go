package apply

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

func itoa(n int) string { return strconv.Itoa(n) }

func newTxn() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// assign decides where each op's new and old content lie: beside the pack's
// data, or on the op's own mount where that is another.
func (pl *Plan) assign(p *pack.Pack, o Options) error {
	pl.head.Txn, pl.head.Kind = newTxn(), pl.Kind
	pl.head.Product, pl.head.Version = pl.Product, pl.Version
	pl.head.From, pl.head.To, pl.head.Keep = pl.From, pl.To, o.KeepBackups
	if err := pl.chooseBackup(p, o); err != nil {
		return err
	}
	m, err := newMounts(p.Root())
	if err != nil {
		return err
	}
	if pl.treeAway, err = m.isAway(backupTop); err != nil {
		return err
	}
	at, tops := places{pl.head.Txn}, map[string]bool{}
	pl.local = map[string]bool{}
	for i := range pl.ops {
		op := &pl.ops[i]
		top, err := m.of(op.Path)
		if err == nil {
			err = m.mayWrite(op.Path, top)
		}
		if err != nil {
			return err
		}
		if top != "" && (op.movesAway() || op.needsNew() || op.removesDir()) && !tops[top] {
			tops[top] = true
			pl.head.Mounts = append(pl.head.Mounts, top)
		}
		pl.assignOp(op, at, top, i)
	}
	return nil
}

func (pl *Plan) assignOp(op *op, at places, top string, i int) {
	op.New, op.Old = "", ""
	inPack := pl.head.Generation > 0 && pl.head.Outside == ""
	switch {
	case isLeaf(op.After) && !op.modeOnly() && !op.split && pl.fromTree(top):
		op.New = treeName(pl.head.Reverts, op.Path)
	case op.needsNew() && top != "":
		op.New = at.mountNew(top, i)
	case op.needsNew():
		op.New = at.newName(i)
	}
	switch {
	case !op.movesAway() && !op.removesDir():
	case top != "":
		op.Old = at.mountOld(top, i)
		pl.local[op.Path] = inPack
	case inPack && !pl.treeAway:
		op.Old = treeName(pl.head.Generation, op.Path)
	default:
		op.Old = at.oldName(i)
		pl.local[op.Path] = inPack
	}
}

// fromTree: a revert moves the old file straight out of the pack's backup.
func (pl *Plan) fromTree(top string) bool {
	return pl.Kind == kindRevert && pl.source == nil && top == "" && !pl.treeAway
}

func (pl *Plan) chooseBackup(p *pack.Pack, o Options) error {
	if pl.Kind == kindRevert || o.NoBackup {
		return nil
	}
	dir := o.BackupDir
	if dir == "" {
		c, err := p.Config()
		if err != nil {
			return err
		}
		dir = c.BackupDir
	}
	pl.head.Generation = pl.before.Generation + 1
	pl.Backup = p.Root().Full(generationDir(pl.head.Generation))
	if dir == "" {
		return nil
	}
	abs, err := outsideDir(p, dir)
	if err != nil {
		return err
	}
	if o.BackupDir != "" {
		pl.head.Remember = abs
	}
	pl.outside = filepath.Join(abs, pl.Product+"-"+pl.Version+"-"+filepath.Base(p.Dir()))
	pl.head.Outside = filepath.Join(pl.outside, outsideName(pl.head.Generation, pl.head.Txn))
	pl.Backup = pl.head.Outside
	return nil
}

// outsideDir gives dir as an absolute path; it must not lie inside the pack.
func outsideDir(p *pack.Pack, dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(abs) {
		return "", fault.New(fault.Usage, "the backup folder %q is not UTF-8", abs)
	}
	in, real := realPath(p.Dir()), realPath(abs)
	if rel, err := filepath.Rel(in, real); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", fault.New(fault.Usage, "the backup folder %s lies inside the pack", abs).
			WithHint("give --backup a folder outside %s, or leave it out", p.Dir())
	}
	return abs, nil
}

// realPath resolves the links of the part of dir that is there.
func realPath(dir string) string {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		return real
	}
	up := filepath.Dir(dir)
	if up == dir {
		return dir
	}
	return filepath.Join(realPath(up), filepath.Base(dir))
}

// openNearest opens the closest folder at or above dir that is there.
func openNearest(dir string) (*rootfs.Root, func() error, error) {
	for {
		root, err := rootfs.Open(dir)
		if err == nil {
			return root, root.Close, nil
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || up == dir {
			return nil, nil, err
		}
		dir = up
	}
}
