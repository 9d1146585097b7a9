// Package pack keeps a product pack's own data: all that lies under updates/.
//
//	updates/product.txt                the product, NAME-VERSION
//	updates/changelog-….md, logs/      written for people
//	updates/packlift/                  0700, all else
//	  state.json                       what is installed: the commit point
//	  config.json floor.json audit.log lock manifest/ trust/N/
//
// It guarantees:
//
//   - a folder is a pack from the moment state.json is there, whole; an init that is
//     killed before leaves no pack, and can be run again
//   - state, config, floor and manifests are replaced atomically and durably
//   - whatever these files hold, reading them ends in a value that passed every check
//     or in an error that names the file: sizes are capped, versions and fields must be
//     known, manifests have the digest they are named by
//   - the audit log only grows; a change to any record that is not the last breaks the
//     chain after it, and CheckAudit names the line
//   - one run at a time holds the lock, and it is the lock of the folder that was opened
//
// Someone who may write to updates/packlift can forge all of it, the chain too:
// it shows accidents and careless edits, not the work of the pack's owner.
package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// Names in a pack, relative to its folder.
const (
	Updates     = "updates"
	Dir         = "updates/packlift"
	ProductFile = "updates/product.txt"
	LogDir      = "updates/logs"
	StateFile   = Dir + "/state.json"
	ConfigFile  = Dir + "/config.json"
	FloorFile   = Dir + "/floor.json"
	AuditFile   = Dir + "/audit.log"
	JournalFile = Dir + "/journal" // of an unfinished run; package apply writes it
	LockFile    = Dir + "/lock"
	ManifestDir = Dir + "/manifest"
	DepotsDir   = Dir + "/depots" // what was seen of depots
	TrustDir    = Dir + "/trust"
)

const (
	privateDir  = 0o700
	privateFile = 0o600
	maxProduct  = 256
)

// Pack is an open pack.
type Pack struct {
	root          *rootfs.Root
	name, version string
	held          *lock // by this run; nil: none
}

// Open opens the pack at dir, which must hold updates/product.txt and a state.
func Open(dir string) (*Pack, error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return nil, cannotOpen("the pack", err, "name the pack's folder "+typed.PackArgument())
	}
	p := &Pack{root: root}
	err = p.load()
	if err == nil {
		err = p.giveToOwner(Dir)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return p, nil
}

// cannotOpen is a matter of the command line where what it names is no folder; any
// other cause has its own class.
func cannotOpen(what string, err error, hint string) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fault.New(fault.Usage, "cannot open %s: %w", what, err).WithHint("%s", hint)
	}
	return fmt.Errorf("cannot open %s: %w", what, err)
}

// giveToOwner has what root makes in another's pack belong to that user, whose
// folder dir is: the pack would not be theirs to use any more.
func (p *Pack) giveToOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, ok, err := p.root.OwnerOf(dir)
	if err == nil && ok && uid != 0 {
		p.root.GiveNewTo(uid, gid)
	}
	return err
}

func (p *Pack) load() error {
	if err := p.checkFolders(); err != nil {
		return err
	}
	there, err := p.root.Exists(StateFile)
	if err != nil {
		return err
	}
	if !there {
		return noPack(p.Dir(), StateFile)
	}
	p.name, p.version, err = readProduct(p.root)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.General, "the pack %s has lost its %s", p.Dir(), ProductFile).
			WithHint("put it back: one line, NAME-VERSION as %s names them", StateFile)
	}
	return err
}

// checkFolders refuses a pack whose own folders are links: what lies there
// would be another's data.
func (p *Pack) checkFolders() error {
	for _, name := range []string{Updates, Dir} {
		info, err := p.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return noPack(p.Dir(), name)
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder; a pack keeps its data in real folders", p.root.Full(name))
		}
	}
	return nil
}

func noPack(dir, missing string) error {
	return fault.New(fault.Usage, "%s is not a pack: it has no %s", dir, missing).
		WithHint("in the wrong folder? Give the pack's %s; to make a product's folder a pack: %s", typed.PackArgument(), typed.ImportAnywhere("init --help"))
}

func readProduct(root *rootfs.Root) (name, version string, err error) {
	b, err := root.ReadFile(ProductFile, maxProduct)
	if err != nil {
		return "", "", err
	}
	name, version, err = manifest.SplitProduct(strings.TrimSpace(string(b)))
	if err == nil {
		err = manifest.CheckProduct(name, version)
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", root.Full(ProductFile), err)
	}
	return name, version, nil
}

// Close releases the pack's folder.
func (p *Pack) Close() error { return p.root.Close() }

// Root is the pack's folder.
func (p *Pack) Root() *rootfs.Root { return p.root }

// Dir is the pack's folder as an absolute path.
func (p *Pack) Dir() string { return p.root.Path() }

// Product is what updates/product.txt says.
func (p *Pack) Product() (name, version string) { return p.name, p.version }

// Find tells which folder to open when none is named: the pack whose bin/
// holds the running tool exe, else the working directory wd. Parents of wd are
// not searched.
func Find(exe, wd string) (string, error) {
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		if bin := filepath.Dir(real); filepath.Base(bin) == "bin" && holdsState(filepath.Dir(bin)) {
			return filepath.Dir(bin), nil
		}
	}
	return filepath.Abs(wd)
}

func holdsState(dir string) bool {
	root, err := rootfs.Open(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	there, err := root.Exists(StateFile)
	return there && err == nil
}

// LevelName is how a level is printed: "none" for a pack that holds nothing
// yet, else its number.
func LevelName(level int) string {
	if level == NoLevel {
		return "none"
	}
	return fmt.Sprint(level)
}
