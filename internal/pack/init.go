package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// InitOptions says what a new pack is. Empty makes one that holds nothing yet,
// in a new folder if need be, and Level is not looked at. Trust is the first
// trust set, file name to content. Warn is told what failed once the pack was
// made; without it Init returns that.
type InitOptions struct {
	Product, Version string
	Level            int
	Empty            bool
	Trust            map[string][]byte
	Warn             func(error)
}

func (o *InitOptions) check() error {
	if err := manifest.CheckProduct(o.Product, o.Version); err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	if !o.Empty && (o.Level < 0 || o.Level > manifest.MaxLevel) {
		return fault.New(fault.Usage, "level %d is not 0 to %d", o.Level, manifest.MaxLevel)
	}
	return checkTrust(o.Trust)
}

// Init makes the folder dir a pack. The state is written last: until then
// there is no pack, and Init can be run again; from then on it refuses.
func Init(dir string, o InitOptions) (*Pack, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	root, err := openForInit(dir, o.Empty)
	if err != nil {
		return nil, cannotOpen("the folder that is to be a pack", err, "name the product's folder with --pack DIR")
	}
	p := &Pack{root: root, name: o.Product, version: o.Version}
	err = p.giveToOwner(".")
	if err == nil {
		err = p.initLocked(o)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return p, nil
}

func openForInit(dir string, empty bool) (*rootfs.Root, error) {
	if empty {
		return rootfs.MkdirAllOpen(dir, 0o755)
	}
	return rootfs.Open(dir)
}

func (p *Pack) initLocked(o InitOptions) (err error) {
	if err := p.mayInit(o); err != nil { // before anything is made
		return err
	}
	if err := p.makeFolders(); err != nil {
		return err
	}
	unlock, err := p.Lock(context.Background(), 0, "init")
	if err != nil {
		return err
	}
	defer func() {
		if uerr := unlock(); uerr != nil && err == nil && o.Warn != nil {
			o.Warn(uerr)
		} else {
			err = errors.Join(err, uerr)
		}
	}()
	if err := p.mayInit(o); err != nil { // another init may have been first
		return err
	}
	return p.initFiles(o)
}

// mayInit refuses a second init, and one over the remains of a pack.
func (p *Pack) mayInit(o InitOptions) error {
	if there, err := p.root.Exists(StateFile); err != nil {
		return err
	} else if there {
		return fault.New(fault.Usage, "%s is a pack already", p.Dir()).WithHint("%s", typed.ImportAnywhere("current-state --pack "+typed.Word(p.Dir())))
	}
	for _, name := range []string{FloorFile, ManifestDir, Dir + "/backup", JournalFile} {
		if there, err := p.root.Exists(name); err != nil {
			return err
		} else if there {
			return fault.New(fault.General, "%s has %s but no %s: a pack that lost its state is not made anew", p.Dir(), name, StateFile).
				WithHint("put %s back from a copy", StateFile)
		}
	}
	if err := p.agrees(); err != nil {
		return err
	}
	if o.Empty {
		return p.holdsNothing()
	}
	return nil
}

// agrees refuses an updates/product.txt that names another product.
func (p *Pack) agrees() error {
	name, version, err := readProduct(p.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if name != p.name || version != p.version {
		return fault.New(fault.WrongProduct, "%s says %s-%s, not %s-%s", p.root.Full(ProductFile), name, version, p.name, p.version).
			WithHint("give --product %s-%s, or the folder of %s-%s", name, version, p.name, p.version)
	}
	return nil
}

// holdsNothing refuses a folder in which anything but the pack's own files lies.
func (p *Pack) holdsNothing() error {
	top, err := p.root.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range top {
		if e.Name() == "bin" && e.IsDir() {
			err = p.holdsOnlyTools()
		} else if !manifest.Reserved(e.Name()) {
			err = fault.New(fault.Usage, "%s holds %q; a pack that holds nothing yet starts in an empty folder", p.Dir(), e.Name()).
				WithHint("choose an empty folder, or leave out --empty and give --level")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Pack) holdsOnlyTools() error {
	bin, err := p.root.ReadDir("bin")
	for _, e := range bin {
		if err == nil && !manifest.Reserved("bin/"+e.Name()) {
			err = fault.New(fault.Usage, "%s holds %q; a pack that holds nothing yet has only packlift-import in bin/", p.Dir(), "bin/"+e.Name())
		}
	}
	return err
}

func (p *Pack) makeFolders() error {
	if err := p.root.MkdirAll(Updates, 0o755); err != nil {
		return err
	}
	if err := p.root.MkdirAll(Dir, privateDir); err != nil {
		return err
	}
	if info, err := p.root.Lstat(Dir); err != nil {
		return err
	} else if info.Mode().Perm() != privateDir {
		if err := p.root.Chmod(Dir, privateDir); err != nil {
			return err
		}
	}
	return errors.Join(p.root.SyncDir("."), p.root.SyncDir(Updates))
}

func (p *Pack) initFiles(o InitOptions) error {
	if err := p.root.RemoveAll(TrustDir); err != nil { // of an init that was killed
		return err
	}
	if err := p.writeTrust(1, o.Trust); err != nil {
		return err
	}
	if there, err := p.root.Exists(ProductFile); err != nil {
		return err
	} else if !there {
		if err := p.root.WriteFile(ProductFile, fmt.Appendf(nil, "%s-%s\n", o.Product, o.Version), 0o644); err != nil {
			return err
		}
	}
	s := State{Product: o.Product, Version: o.Version, Level: o.Level}
	if o.Empty {
		s.Level = NoLevel
	}
	if s.Level > 0 {
		s.Sequence.Level = s.Level
	}
	s.History = []Event{{Time: time.Now(), Kind: "init", From: NoLevel, To: s.Level}}
	if err := p.Audit("init", map[string]any{"product": o.Product + "-" + o.Version, "level": s.Level}); err != nil {
		return err
	}
	return p.SaveState(s)
}
