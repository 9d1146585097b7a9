// Package cmd tests both tools as they are built, by scripts in testdata/script.
package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	_ "packlift/internal/testenv"
)

// built is what one run of the tests builds once and all scripts share.
type built struct {
	dir       string
	recipient string
}

// tool is one binary: version, format tag and where it goes.
type tool struct{ pkg, version, tags, dir string }

var tools = []tool{
	{"./packlift-export", "1.3.0", "", "1.3.0"},
	{"./packlift-import", "1.3.0", "", "1.3.0"},
	{"./packlift-import", "1.2.0", "", "1.2.0"},
	{"./packlift-import", "1.3.9", "", "1.3.9"},
	{"./packlift-export", "1.2.0", "", "1.2.0"},
	{"./packlift-export", "1.4.0", "", "next"},
	{"./packlift-export", "1.4.0", "format2", "1.4.0"},
	{"./packlift-import", "1.4.0", "format2", "1.4.0"},
}

func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts use a POSIX shell's tools")
	}
	if err := seeSources(); err != nil {
		t.Fatal(err)
	}
	b, err := build(plainFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               b.setup,
		Cmds:                commands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// plainFolder is one whose name a shell takes as it stands, for the scripts do not quote it; theirs are beside it.
func plainFolder(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	if regexp.MustCompile(`^[A-Za-z0-9/._-]+$`).MatchString(top) {
		return top
	}
	top, err := os.MkdirTemp("/tmp", "packlift-cmd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	t.Setenv("GOTMPDIR", top)
	return top
}

// seeSources lists every folder that the binaries are built from: go test takes
// an earlier result for this one while what the test itself has opened is the
// same, and what its builds read it does not see.
func seeSources() error {
	return filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		return err
	})
}

func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// build makes the binaries, the stand-ins for importers, keys, trust sets and
// the bundle that most scripts use.
func build(dir string) (*built, error) {
	b := &built{dir: dir}
	for _, t := range tools {
		if err := t.build(filepath.Join(dir, t.dir)); err != nil {
			return nil, err
		}
	}
	for _, mode := range []string{"good", "dead", "liar"} {
		if err := b.standIn(mode, runtime.GOOS, runtime.GOARCH); err != nil {
			return nil, err
		}
	}
	if err := b.standIn("other", "linux", otherArch()); err != nil {
		return nil, err
	}
	if err := b.realTools(); err != nil {
		return nil, err
	}
	return b, b.fixtures()
}

func (t tool) build(dir string) error {
	marker := fmt.Sprintf("-X 'packlift/internal/version.marker=packlift-tool-version:%s;'", t.version)
	return goBuild(t.pkg, t.tags, marker, filepath.Join(dir, filepath.Base(t.pkg)))
}

func goBuild(pkg, tags, ldflags, out string, env ...string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w "+ldflags, "-o", out, pkg)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, text)
	}
	return nil
}

// standIn builds a small program that passes for an importer where a bundle is
// made: tools-MODE/packlift-import_OS_ARCH. Under any other name, as in a pack,
// "dead" does not run and "liar" says another version.
func (b *built) standIn(mode, goos, arch string) error {
	src := filepath.Join(b.dir, "standin.go")
	if err := os.WriteFile(src, []byte(standInSource), 0o644); err != nil {
		return err
	}
	out := filepath.Join(b.dir, "tools-"+mode, "packlift-import_"+goos+"_"+arch)
	return goBuild(src, "", "-X main.mode="+mode, out, "GOOS="+goos, "GOARCH="+arch)
}

const standInSource = `package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

var mode, marker = "", "packlift-tool-version:1.3.0;"

func main() {
	version := marker[len("packlift-tool-version:") : len(marker)-1]
	if filepath.Base(os.Args[0]) != "packlift-import_"+runtime.GOOS+"_"+runtime.GOARCH {
		switch mode {
		case "dead":
			os.Exit(3)
		case "liar":
			version = "1.3.1"
		}
	}
	fmt.Printf("{\"version\":%q,\"os\":%q,\"arch\":%q}\n", version, runtime.GOOS, runtime.GOARCH)
}
`

// otherArch is one that this machine does not run.
func otherArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

func toolName() string { return "packlift-import_" + runtime.GOOS + "_" + runtime.GOARCH }

// realTools lays the built importers as exporters take them.
func (b *built) realTools() error {
	for _, version := range []string{"1.3.0", "1.4.0"} {
		dir := filepath.Join(b.dir, "tools-"+version)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Link(filepath.Join(b.dir, version, "packlift-import"), filepath.Join(dir, toolName())); err != nil {
			return err
		}
	}
	return errors.Join(b.exporterTools("1.2.0"), b.exporterTools("next"))
}

// exporterTools lays a built exporter beside an importer as publishers take them.
func (b *built) exporterTools(build string) error {
	dir := filepath.Join(b.dir, "tools-export-"+build)
	return errors.Join(os.MkdirAll(dir, 0o755),
		os.Link(filepath.Join(b.dir, "tools-good", toolName()), filepath.Join(dir, toolName())),
		os.Link(filepath.Join(b.dir, build, "packlift-export"), filepath.Join(dir, strings.Replace(toolName(), "import", "export", 1))))
}

// fixtures makes keys, trust sets, two trees and the bundle from one to the other.
func (b *built) fixtures() error {
	for name, text := range map[string]string{
		"old/a.txt": "a\n", "old/gone.txt": "gone\n", "old/conf/same.txt": "same\n", "old/bin/run.sh": "#!/bin/sh\n",
		"new/a.txt": "b\n", "new/conf/new.txt": "new\n", "new/conf/same.txt": "same\n", "new/bin/run.sh": "#!/bin/sh\n",
	} {
		name = filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Chmod(filepath.Join(b.dir, "new/bin/run.sh"), 0o755), os.Mkdir(filepath.Join(b.dir, "bundle"), 0o755)); err != nil {
		return err
	}
	for _, line := range []string{
		"packlift-export keygen --name vendor -o keys",
		"packlift-export keygen --name site -o keys",
		"packlift-export trust new --signer vendor=keys/vendor.pub -o trust",
		"packlift-export trust new --signer vendor=keys/vendor.pub --signer site=keys/site.pub --role vendor=vendor --role site=site" +
			" --policy packlift-bundle@v1=vendor:1,site:1 --policy packlift-tool@v1=vendor:1 -o trust2",
		"packlift-import keygen -o identity",
		"packlift-export create-update --from old --to new --product demo-1.0.0 -s 3 -e 10 -r RECIPIENT --sign-key keys/vendor --trust trust --tools tools-good -o bundle",
	} {
		if err := b.run(line); err != nil {
			return err
		}
	}
	return nil
}

func (b *built) run(line string) error {
	words := strings.Fields(strings.ReplaceAll(line, "RECIPIENT", b.recipient))
	cmd := exec.Command(filepath.Join(b.dir, "1.3.0", words[0]), words[1:]...)
	cmd.Dir = b.dir
	cmd.Env = []string{"HOME=" + b.dir, "PATH=" + os.Getenv("PATH")}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, errs.String())
	}
	if strings.HasPrefix(string(out), "age1") {
		b.recipient = strings.TrimSpace(string(out))
	}
	return nil
}

// setup gives each script its environment.
func (b *built) setup(e *testscript.Env) error {
	e.Setenv("PATH", filepath.Join(b.dir, "1.3.0")+string(os.PathListSeparator)+os.Getenv("PATH"))
	e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
	e.Setenv("FIX", b.dir)
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	e.Setenv("ROOT", root)
	e.Setenv("RECIPIENT", b.recipient)
	e.Setenv("BUNDLE", filepath.Join(b.dir, "bundle"))
	e.Setenv("TOOL", toolName())
	e.Setenv("GOOS", runtime.GOOS)
	e.Setenv("GOARCH", runtime.GOARCH)
	e.Setenv("OTHER", "linux/"+otherArch())
	for _, name := range []string{"SSH_AUTH_SOCK", "NO_COLOR", "SOURCE_DATE_EPOCH"} {
		e.Setenv(name, "")
	}
	identity, err := os.ReadFile(filepath.Join(b.dir, "identity"))
	return errors.Join(err, os.MkdirAll(filepath.Join(e.WorkDir, "home", ".packlift"), 0o700),
		os.WriteFile(filepath.Join(e.WorkDir, "home", ".packlift", "identity"), identity, 0o600))
}
