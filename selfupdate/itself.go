package selfupdate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/rootfs"
	"packlift/internal/version"
)

// Newer is a tool whose statement the trust set accepts. WriteTo gives bytes whose
// digest was compared with it, or fails.
type Newer interface {
	Statement() bundle.Statement
	io.WriterTo
}

// Itself says how a tool that belongs to no pack, an exporter, replaces its own file.
type Itself struct {
	Mode       Mode
	Executable string // the running tool; empty: os.Executable
	Current    string // its version; empty: version.Current
	Guard      string // empty: the environment's
	Again      string // the command line to type after Exit
	Warn       func(format string, args ...any)
	Patience   time.Duration // how long another run may be replacing the same file; 0: a minute
}

// Update puts t in the running tool's place, with the guarantees of a pack's
// importer. A tool need not be replaced to do its work, so the zero Outcome says
// that this one goes on: where t is not newer, and, with a warning, where the mode or
// the guard forbids it, or the place cannot be written to or is not this user's alone.
// Where t is no use, or is not what was stated of it, the run ends.
func (o Itself) Update(ctx context.Context, t Newer) (Outcome, error) {
	want := t.Statement()
	if err := o.normalise(); err != nil || version.Compare(want.Version, o.Current) <= 0 {
		return Outcome{}, err
	}
	there := fmt.Sprintf("%s %s is there, this is %s", want.Tool, want.Version, o.Current)
	switch {
	case o.Guard != "":
		o.Warn("%s, and %s started it: not updated again", there, o.Guard)
		return Outcome{}, nil
	case o.Mode == Never:
		o.Warn("%s, and --self-update is never", there)
		return Outcome{}, nil
	}
	out, err := o.replace(ctx, t)
	switch {
	case errors.Is(err, errPlace) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		o.Warn("%s, and stays as it is: %v", there, err)
		return Outcome{}, nil
	case err != nil:
		return Outcome{}, err
	case o.Mode == Exit:
		return out, fault.New(fault.UpdatedItself, "the tool is updated from %s to %s: %s", o.Current, out.Version, out.Path).
			WithHint("run the same command again: %s", o.Again)
	}
	return out, nil
}

func (o *Itself) normalise() (err error) {
	if o.Current == "" {
		o.Current = version.Current()
	}
	if o.Guard == "" {
		o.Guard = os.Getenv(Guard)
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Executable == "" {
		o.Executable, err = os.Executable()
	}
	if err == nil {
		o.Executable, err = filepath.EvalSymlinks(o.Executable)
	}
	return err
}

// errPlace says that the tool's folder is none in which it may be replaced.
var errPlace = errors.New("its folder")

// replace swaps the file. Runs that do the same at once take turns: the later one
// finds the new tool there.
func (o *Itself) replace(ctx context.Context, t Newer) (Outcome, error) {
	root, err := rootfs.Open(filepath.Dir(o.Executable))
	if err != nil {
		return Outcome{}, err
	}
	defer root.Close()
	if err := o.checkPlace(root); err != nil {
		return Outcome{}, err
	}
	held, err := o.turn(ctx, root)
	if err != nil {
		return Outcome{}, err
	}
	if held != nil {
		defer held.Close()
	}
	s := &swap{root: root, dir: ".", name: filepath.Base(o.Executable), want: t.Statement(), announce: func() error { return nil },
		remedy: "--self-update never goes on with it; tell the depot's publisher"}
	if runtime.GOOS == "windows" {
		s.exe = ".exe"
	}
	s.tool = strings.TrimSuffix(s.name, s.exe)
	if err := errors.Join(s.sweep(), s.look()); err != nil {
		return Outcome{}, err
	}
	return s.run(ctx, t)
}

func (o *Itself) checkPlace(root *rootfs.Root) error {
	who := euid()
	reasons, err := exposed(root, who, ".")
	if err != nil || len(reasons) == 0 {
		return err
	}
	text := strings.Join(reasons, ", ") + ": others decide there which program runs"
	if who == 0 {
		return fmt.Errorf("%w: %s, and this run is root's", errPlace, text)
	}
	o.Warn("%s as you do; take the right to write there from them: chmod go-w", text)
	return nil
}

// turn holds the folder; nil where folders cannot be held.
func (o *Itself) turn(ctx context.Context, root *rootfs.Root) (io.Closer, error) {
	for end := time.Now().Add(o.Patience); ; {
		held, err := root.HoldFolder(".")
		switch {
		case err == nil:
			return held, nil
		case errors.Is(err, rootfs.ErrNoHold):
			return nil, nil
		case !errors.Is(err, rootfs.ErrHeld):
			return nil, err
		case time.Now().After(end):
			return nil, fmt.Errorf("%w: another run works in it", errPlace)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
