package selfupdate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/probe"
)

func TestNeeded(t *testing.T) {
	s := newSite(t, nil)
	b := s.bundle(t, carried{binary: importer(t, "1.3.0"), version: "1.3.0"})
	for current, want := range map[string]bool{"1.2.0": true, "1.3.0-rc.1": true, "1.3.0": false, "1.10.0": false, "2.0.0": false} {
		if Needed(b, current) != want {
			t.Errorf("Needed by %s is %v", current, !want)
		}
	}
}

func TestUpdateReplacesTheRunningTool(t *testing.T) {
	old, fresh := program(t, "1.2.0"), program(t, "1.3.0")
	s := newSite(t, old)
	if err := os.Chmod(s.tool(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "bin", "packlift-import.new-LEFTOVER"), []byte("half a tool"))
	out, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: fresh, version: "1.3.0"}), s.options())
	if err != nil {
		t.Fatal(err)
	}
	if out.Path != s.tool() || out.Version != "1.3.0" || !out.Replaced {
		t.Errorf("outcome is %+v", out)
	}
	if !bytes.Equal(read(t, s.tool()), fresh) || !bytes.Equal(read(t, s.tool()+".old"), old) {
		t.Error("bin does not hold the new tool and the old one beside it")
	}
	if info, _ := os.Stat(s.tool()); info.Mode().Perm() != 0o755 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
	if got := s.bin(t); got != "packlift-import packlift-import.old" {
		t.Errorf("bin holds %s", got)
	}
}

func TestASecondUpdateReplacesTheOldOld(t *testing.T) {
	s := newSite(t, importer(t, "1.2.0"))
	for _, v := range []string{"1.3.0", "1.4.0"} {
		if _, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: importer(t, v), version: v}), s.options()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, s.tool()+".old"), importer(t, "1.3.0")) {
		t.Error("the .old is not the tool before the last")
	}
}

func TestRefusalsLeaveTheOldTool(t *testing.T) {
	fresh := importer(t, "1.3.0")
	stranger := newSigner(t, "stranger")
	lie := bundle.Statement{Tool: bundle.ToolProduct, OS: runtime.GOOS, Arch: runtime.GOARCH, Version: "1.9.0", Size: int64(len(fresh)), SHA256: manifest.Sum(fresh)}
	for name, c := range map[string]struct {
		carried carried
		change  func(*Options)
		class   fault.Class
		want    string
	}{
		"lies about its version": {carried: carried{binary: fresh, version: "1.9.0"}, want: "1.9.0"},
		"statement lies":         {carried: carried{binary: fresh, version: "1.3.0", statement: &lie}, class: fault.Tampered},
		"statement by another":   {carried: carried{binary: fresh, version: "1.3.0", signer: &stranger}, class: fault.Untrusted},
		"does not start":         {carried: carried{binary: []byte("#!/no/such/interpreter\n"), version: "1.3.0"}, want: "does not run"},
		"fails":                  {carried: carried{binary: program(t, "1.3.0", "does=fail"), version: "1.3.0"}, want: "this tool does not work"},
		"other platform":         {carried: carried{binary: fresh, version: "1.3.0", os: "plan9", arch: "386"}, want: "none for " + runtime.GOOS + "/" + runtime.GOARCH},
		"same version":           {carried: carried{binary: importer(t, "1.2.0"), version: "1.2.0"}, want: "not newer"},
		"older":                  {carried: carried{binary: importer(t, "1.1.0"), version: "1.1.0"}, want: "not newer"},
		"still too old":          {carried: carried{binary: fresh, version: "1.3.0", minimum: "1.4.0"}, want: "only 1.3.0"},
		"never":                  {carried: carried{binary: fresh, version: "1.3.0"}, change: func(o *Options) { o.Mode = Never }, want: "--self-update is never"},
		"guard":                  {carried: carried{binary: fresh, version: "1.3.0"}, change: func(o *Options) { o.Guard = "1.1.0" }, want: "1.1.0 started this 1.2.0"},
		"no identity":            {carried: carried{binary: fresh, version: "1.3.0"}, change: func(o *Options) { o.Identities = newSite(t, nil).options().Identities }, class: fault.Undecryptable},
	} {
		t.Run(name, func(t *testing.T) {
			old := importer(t, "1.2.0")
			s := newSite(t, old)
			o := s.options()
			if c.change != nil {
				c.change(&o)
			}
			_, err := Update(context.Background(), s.pack, s.bundle(t, c.carried), o)
			if err == nil || fault.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v (%s), want class %s and %q", err, fault.ClassOf(err), c.class, c.want)
			}
			if fault.HintOf(err) == "" && c.class == fault.General {
				t.Errorf("no hint with %v", err)
			}
			if !bytes.Equal(read(t, s.tool()), old) || s.bin(t) != s.toolName {
				t.Errorf("the old tool is not as it was; bin holds %s", s.bin(t))
			}
		})
	}
}

func TestHangingToolIsGivenUp(t *testing.T) {
	defer func(d time.Duration) { probe.Timeout = d }(probe.Timeout)
	probe.Timeout = time.Second
	old := importer(t, "1.2.0")
	s := newSite(t, old)
	_, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: program(t, "1.3.0", "does=hang"), version: "1.3.0"}), s.options())
	if err == nil || !strings.Contains(err.Error(), "within 1s") {
		t.Errorf("error is %v", err)
	}
	if s.bin(t) != s.toolName {
		t.Errorf("bin holds %s", s.bin(t))
	}
}

func TestExitSaysTheSameCommand(t *testing.T) {
	s := newSite(t, importer(t, "1.2.0"))
	o := s.options()
	o.Mode = Exit
	out, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: importer(t, "1.3.0"), version: "1.3.0"}), o)
	if fault.ClassOf(err) != fault.UpdatedItself || !out.Replaced {
		t.Fatalf("error is %v", err)
	}
	if hint := fault.HintOf(err); !strings.HasSuffix(hint, " apply-update 'a bundle'") {
		t.Errorf("hint is %q", hint)
	}
}

// TestReplacementIsAudited: whatever the mode, the log says who vouched for the
// new tool; a run that replaces nothing adds nothing.
func TestReplacementIsAudited(t *testing.T) {
	for _, mode := range []Mode{Continue, Exit} {
		fresh := importer(t, "1.3.0")
		s := newSite(t, importer(t, "1.2.0"))
		b := s.bundle(t, carried{binary: fresh, version: "1.3.0"})
		o := s.options()
		o.Mode = mode
		if out, err := Update(context.Background(), s.pack, b, o); !out.Replaced || mode == Continue && err != nil {
			t.Fatalf("%s: %+v, %v", mode, out, err)
		}
		text := string(read(t, filepath.Join(s.pack.Dir(), pack.AuditFile)))
		last := text[strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1:]
		for _, want := range []string{`"event":"self-update"`, `"from":"1.2.0"`, `"to":"1.3.0"`, `"tool_sha256":"` + manifest.Sum(fresh).String() + `"`,
			`"signers":["vendor SHA256:`, `"bundle":"` + b.Info().ID + `"`, `"sums":"` + b.Sums().String() + `"`} {
			if !strings.Contains(last, want) {
				t.Errorf("%s: the record %s lacks %s", mode, last, want)
			}
		}
		o.Executable = filepath.Join(t.TempDir(), "packlift-import")
		write(t, o.Executable, importer(t, "1.2.0"))
		if out, err := Update(context.Background(), s.pack, b, o); out.Replaced {
			t.Errorf("%s, again: %+v, %v", mode, out, err)
		}
		if again := read(t, filepath.Join(s.pack.Dir(), pack.AuditFile)); string(again) != text {
			t.Errorf("%s: a run that replaces nothing is in the log:\n%s", mode, again)
		}
	}
}

func TestToolFromOutsideStays(t *testing.T) {
	old, fresh := importer(t, "1.2.0"), importer(t, "1.3.0")
	s := newSite(t, nil)
	stick := filepath.Join(t.TempDir(), "packlift-import")
	write(t, stick, old)
	o := s.options()
	o.Executable = stick
	b := s.bundle(t, carried{binary: fresh, version: "1.3.0"})
	out, err := Update(context.Background(), s.pack, b, o)
	if err != nil || !out.Replaced || out.Path != s.tool() {
		t.Fatalf("outcome is %+v, %v", out, err)
	}
	if !bytes.Equal(read(t, stick), old) || !bytes.Equal(read(t, s.tool()), fresh) {
		t.Error("the stick's tool changed, or bin lacks the new one")
	}
	out, err = Update(context.Background(), s.pack, b, o)
	if err != nil || out.Replaced || out.Path != s.tool() {
		t.Errorf("a second time the outcome is %+v, %v", out, err)
	}
}

// TestStrangerInBinIsNeverStarted: a program that claims to be newer than the
// bundle's tool is not believed: no one vouches for it.
func TestStrangerInBinIsNeverStarted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stranger is a shell script")
	}
	fresh := importer(t, "1.3.0")
	ran := filepath.Join(t.TempDir(), "ran")
	stranger := append(importer(t, "1.4.0"), "touch '"+ran+"'\n"...)
	s := newSite(t, stranger)
	o := s.options()
	o.Executable = filepath.Join(t.TempDir(), "packlift-import")
	write(t, o.Executable, importer(t, "1.2.0"))
	out, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: fresh, version: "1.3.0"}), o)
	if err != nil || !out.Replaced || out.Version != "1.3.0" {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the stranger was started")
	}
	if !bytes.Equal(read(t, s.tool()), fresh) || !bytes.Equal(read(t, s.tool()+".old"), stranger) {
		t.Error("bin does not hold the bundle's tool and the stranger as .old")
	}
}

// TestToolThatOthersMayWriteIsReplaced: the digest holds now; when the tool is
// started it need not.
func TestToolThatOthersMayWriteIsReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes do not say it here")
	}
	fresh := importer(t, "1.3.0")
	s := newSite(t, fresh)
	o := s.options()
	o.Executable = filepath.Join(t.TempDir(), "packlift-import")
	write(t, o.Executable, importer(t, "1.2.0"))
	if err := os.Chmod(s.tool(), 0o757); err != nil {
		t.Fatal(err)
	}
	out, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: fresh, version: "1.3.0"}), o)
	if err != nil || !out.Replaced {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	if info, err := os.Stat(s.tool()); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the tool is %v, %v", info.Mode(), err)
	}
}

// TestBinThatOthersMayChange: root refuses unless it is told not to, others are warned.
func TestBinThatOthersMayChange(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes do not say it here")
	}
	defer func(f func() int) { euid = f }(euid)
	for name, c := range map[string]struct {
		uid   int
		where string
		mode  os.FileMode
		owner int // 0: as it is
		allow bool
		class fault.Class
		warns string
	}{
		"as it should be":         {uid: 0, where: "bin", mode: 0o755},
		"root, bin":               {uid: 0, where: "bin", mode: 0o757, class: fault.Privileged},
		"root, pack":              {uid: 0, where: ".", mode: 0o775, class: fault.Privileged},
		"root, another's bin":     {uid: 0, where: "bin", mode: 0o755, owner: 12345, class: fault.Privileged},
		"root who insists":        {uid: 0, where: "bin", mode: 0o757, allow: true},
		"user, bin":               {uid: 4711, where: "bin", mode: 0o775, warns: "bin has mode 0775"},
		"user, another's pack":    {uid: 4711, where: ".", mode: 0o755, owner: 12345, warns: "belongs to user 12345"},
		"user, as it should be":   {uid: 4711, where: "bin", mode: 0o755},
		"user who insists, wrong": {uid: 4711, where: "bin", mode: 0o775, allow: true, warns: "bin has mode 0775"},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("the owners are root's to choose")
			}
			euid = func() int { return c.uid }
			old := importer(t, "1.2.0")
			s := newSite(t, old)
			place := filepath.Join(s.dir, c.where)
			if err := errors.Join(os.Chown(place, c.owner, -1), os.Chmod(place, c.mode)); err != nil {
				t.Fatal(err)
			}
			o := s.options()
			o.AllowRoot = c.allow
			warned := ""
			o.Warn = func(format string, args ...any) { warned += fmt.Sprintf(format, args...) }
			_, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: importer(t, "1.3.0"), version: "1.3.0"}), o)
			if fault.ClassOf(err) != c.class || (err == nil) != (c.class == fault.General) {
				t.Errorf("error is %v", err)
			}
			if !strings.Contains(warned, c.warns) || (warned == "") != (c.warns == "") {
				t.Errorf("warned: %q, want %q", warned, c.warns)
			}
			if kept := bytes.Equal(read(t, s.tool()), old); kept != (err != nil) {
				t.Errorf("the old tool is kept: %v, with %v", kept, err)
			}
		})
	}
}

func TestToolWithAPlatformInItsName(t *testing.T) {
	s := newSite(t, nil)
	s.toolName = bundle.ToolName(runtime.GOOS, runtime.GOARCH)
	write(t, s.tool(), importer(t, "1.2.0"))
	fresh := importer(t, "1.3.0")
	out, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: fresh, version: "1.3.0"}), s.options())
	if err != nil || out.Path != s.tool() || !bytes.Equal(read(t, s.tool()), fresh) {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}

func TestLinkInBinIsReplacedNotFollowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege here")
	}
	old, fresh := importer(t, "1.2.0"), importer(t, "1.3.0")
	s := newSite(t, nil)
	system := filepath.Join(t.TempDir(), "packlift-import")
	write(t, system, old)
	if err := os.MkdirAll(filepath.Dir(s.tool()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(system, s.tool()); err != nil {
		t.Fatal(err)
	}
	o := s.options()
	o.Executable = system
	if _, err := Update(context.Background(), s.pack, s.bundle(t, carried{binary: fresh, version: "1.3.0"}), o); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, system), old) || !bytes.Equal(read(t, s.tool()), fresh) {
		t.Error("the link's target changed, or bin lacks the new tool")
	}
}

func TestGuardedEnvironment(t *testing.T) {
	got := guarded([]string{"A=1", Guard + "=0.1.0", "B=2"}, "1.2.0")
	if strings.Join(got, " ") != "A=1 B=2 "+Guard+"=1.2.0" {
		t.Errorf("environment is %q", got)
	}
}

func TestParseMode(t *testing.T) {
	if m, err := ParseMode(""); m != Continue || err != nil {
		t.Errorf("default is %q, %v", m, err)
	}
	if _, err := ParseMode("always"); fault.ClassOf(err) != fault.Usage {
		t.Errorf("an unknown mode gives %v", err)
	}
}
