package selfupdate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// given is a tool as a depot gives it.
type given struct {
	binary  []byte
	version string
	err     error // at the end of its bytes
}

func (g given) Statement() bundle.Statement {
	return bundle.Statement{Tool: "packlift-export", OS: runtime.GOOS, Arch: runtime.GOARCH, Version: g.version, Size: int64(len(g.binary)), SHA256: manifest.Sum(g.binary)}
}

func (g given) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(g.binary)
	return int64(n), errors.Join(err, g.err)
}

// alone lays an exporter of version 1.2.0 into a folder of its own.
func alone(t *testing.T) (o Itself, warned *strings.Builder) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir()) // as the system names the running file
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "packlift-export")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Chmod(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, name, importer(t, "1.2.0"))
	warned = &strings.Builder{}
	return Itself{Executable: name, Current: "1.2.0", Again: "packlift-export update p", Warn: func(format string, args ...any) {
		fmt.Fprintf(warned, format, args...)
	}}, warned
}

func beside(t *testing.T, o Itself) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(o.Executable))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestItselfIsReplaced(t *testing.T) {
	for _, mode := range []Mode{Continue, Exit} {
		o, _ := alone(t)
		o.Mode = mode
		fresh := importer(t, "1.4.0")
		out, err := o.Update(context.Background(), given{binary: fresh, version: "1.4.0"})
		if mode == Exit && (fault.ClassOf(err) != fault.UpdatedItself || !strings.HasSuffix(fault.HintOf(err), "packlift-export update p")) || mode == Continue && err != nil {
			t.Fatalf("%s: %v, hint %q", mode, err, fault.HintOf(err))
		}
		if !out.Replaced || out.Version != "1.4.0" || out.Path != o.Executable {
			t.Errorf("%s: outcome %+v", mode, out)
		}
		base, windows := strings.CutSuffix(o.Executable, ".exe")
		old := base + ".old"
		if windows {
			old += ".exe"
		}
		if !bytes.Equal(read(t, o.Executable), fresh) || !bytes.Equal(read(t, old), importer(t, "1.2.0")) {
			t.Errorf("%s: not the new tool with the old one beside it: %s", mode, beside(t, o))
		}
	}
}

// TestItselfStays: without an error the tool in place goes on, and is not touched.
func TestItselfStays(t *testing.T) {
	fresh := importer(t, "1.4.0")
	for name, c := range map[string]struct {
		version string
		change  func(*testing.T, *Itself)
		warns   string
	}{
		"as new":    {version: "1.2.0"},
		"older":     {version: "1.1.9"},
		"never":     {version: "1.4.0", change: func(_ *testing.T, o *Itself) { o.Mode = Never }, warns: "--self-update is never"},
		"guard":     {version: "1.4.0", change: func(_ *testing.T, o *Itself) { o.Guard = "1.1.0" }, warns: "1.1.0 started it"},
		"read only": {version: "1.4.0", change: lockFolder, warns: "stays as it is"},
		"held by another run": {version: "1.4.0", change: func(t *testing.T, o *Itself) {
			o.Patience = time.Millisecond
			hold(t, filepath.Dir(o.Executable))
		}, warns: "another run works in it"},
	} {
		t.Run(name, func(t *testing.T) {
			o, warned := alone(t)
			if c.change != nil {
				c.change(t, &o)
			}
			out, err := o.Update(context.Background(), given{binary: fresh, version: c.version})
			if err != nil || out != (Outcome{}) {
				t.Errorf("outcome is %+v, %v", out, err)
			}
			if !strings.Contains(warned.String(), c.warns) || (warned.Len() == 0) != (c.warns == "") {
				t.Errorf("warned: %q, want %q", warned, c.warns)
			}
			if !bytes.Equal(read(t, o.Executable), importer(t, "1.2.0")) || beside(t, o) != filepath.Base(o.Executable) {
				t.Errorf("the folder is not as it was: %s", beside(t, o))
			}
		})
	}
}

// hold has another run work in a folder.
func hold(t *testing.T, dir string) {
	t.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, err := root.HoldFolder(".")
	if errors.Is(err, rootfs.ErrNoHold) {
		t.Skip("folders cannot be held here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close(); root.Close() })
}

func lockFolder(t *testing.T, o *Itself) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user writes everywhere")
	}
	dir := filepath.Dir(o.Executable)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
}

// TestItselfRefuses: what is no use, or not what was stated, ends the run with the old tool in place.
func TestItselfRefuses(t *testing.T) {
	tampered := fault.New(fault.Tampered, "other bytes than are stated")
	for name, c := range map[string]struct {
		given given
		class fault.Class
		want  string
	}{
		"lies about its version": {given: given{binary: importer(t, "1.4.0"), version: "1.9.0"}, want: "1.9.0"},
		"does not start":         {given: given{binary: []byte("#!/no/such/interpreter\n"), version: "1.4.0"}, want: "does not run"},
		"damaged":                {given: given{binary: importer(t, "1.4.0"), version: "1.4.0", err: tampered}, class: fault.Tampered},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := alone(t)
			out, err := o.Update(context.Background(), c.given)
			if err == nil || out != (Outcome{}) || fault.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.want) {
				t.Errorf("outcome is %+v, %v", out, err)
			}
			if !bytes.Equal(read(t, o.Executable), importer(t, "1.2.0")) || beside(t, o) != filepath.Base(o.Executable) {
				t.Errorf("the folder is not as it was: %s", beside(t, o))
			}
		})
	}
}

// TestItselfWhereOthersWrite: root leaves its tool alone there, others are warned.
func TestItselfWhereOthersWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the owners are root's to choose")
	}
	defer func(f func() int) { euid = f }(euid)
	for uid, replaced := range map[int]bool{0: false, 4711: true} {
		euid = func() int { return uid }
		o, warned := alone(t)
		if err := os.Chmod(filepath.Dir(o.Executable), 0o777); err != nil {
			t.Fatal(err)
		}
		out, err := o.Update(context.Background(), given{binary: importer(t, "1.4.0"), version: "1.4.0"})
		if err != nil || out.Replaced != replaced || !strings.Contains(warned.String(), "others decide there") {
			t.Errorf("user %d: %+v, %v, warned %q", uid, out, err, warned)
		}
	}
}

// TestItselfTwiceAtOnce: several old exporters find the newer one at the same time; each ends with it, and the
// oldest stays beside it.
func TestItselfTwiceAtOnce(t *testing.T) {
	o, _ := alone(t)
	o.Warn = func(format string, args ...any) { t.Errorf(format, args...) }
	fresh := importer(t, "1.4.0")
	outs := make(chan error, 4)
	for range cap(outs) {
		go func() {
			out, err := o.Update(context.Background(), given{binary: fresh, version: "1.4.0"})
			if err == nil && out.Path != o.Executable {
				err = fmt.Errorf("outcome is %+v", out)
			}
			outs <- err
		}()
	}
	for range cap(outs) {
		if err := <-outs; err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(read(t, o.Executable), fresh) || runtime.GOOS != "windows" && !bytes.Equal(read(t, o.Executable+".old"), importer(t, "1.2.0")) {
		t.Errorf("not the new tool with the first one beside it: %s", beside(t, o))
	}
}
