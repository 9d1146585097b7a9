package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "packlift/internal/testenv"
)

var scratch string // of the whole run

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "packlift-acceptance-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// build runs `make build` in top and returns the folder with both binaries.
func build(top, version, dir string, more ...string) error {
	cmd := exec.Command("make", append([]string{"--no-print-directory", "build", "VERSION=" + version, "BIN=" + dir}, more...)...)
	cmd.Dir, cmd.Env = top, plainEnviron()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make build: %w\n%s", err, out)
	}
	return nil
}

// plainEnviron is the environment without what a make above this test hands down, and without the Makefile's variables.
func plainEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKEFILES", "GNUMAKEFLAGS", "VERSION", "DATE", "BIN", "TAGS"}, name)
	})
}

// release is the folder of the binaries that the tests run.
var release = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "bin")
	return dir, build("../..", "1.3.0", dir)
})

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// tool is the path of packlift-export or packlift-import.
func tool(t *testing.T, name string) string {
	t.Helper()
	dir, err := release()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name+exe())
}

// needTools skips the test unless the stock tools are there.
func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
}

// result is what one run left.
type result struct {
	code int
	out  string // standard output and error
}

// run runs a program with a clean environment in dir.
func run(t *testing.T, dir, program string, args ...string) result {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String()}
}

// site is a vendor and a site that trust each other: two signers, an identity, a trust set.
type site struct {
	t         *testing.T
	dir       string
	trust     string
	identity  string
	recipient string
	tools     string
}

// want runs packlift-export or packlift-import and fails unless it ends with code.
func (s *site) want(code int, program string, args ...string) string {
	s.t.Helper()
	if !strings.ContainsRune(program, filepath.Separator) {
		program = tool(s.t, program)
	}
	r := run(s.t, s.dir, program, args...)
	if r.code != code {
		s.t.Fatalf("%s %s: exit code %d, want %d\n%s", filepath.Base(program), strings.Join(args, " "), r.code, code, r.out)
	}
	return r.out
}

// siteIn makes in dir keys alice and bob (two of role vendor must sign a bundle), an
// identity and a folder with this machine's importer.
func siteIn(t *testing.T, dir string) *site {
	t.Helper()
	s := &site{t: t, dir: dir, trust: filepath.Join(dir, "trust"), identity: filepath.Join(dir, "identity"), tools: filepath.Join(dir, "tools")}
	for _, name := range []string{"alice", "bob"} {
		s.want(0, "packlift-export", "keygen", "--name", name, "-o", filepath.Join(dir, "keys"))
	}
	s.want(0, "packlift-export", "trust", "new", "--signer", "alice="+s.key("alice")+".pub", "--signer", "bob="+s.key("bob")+".pub",
		"--role", "vendor=alice,bob", "--policy", "packlift-bundle@v1=vendor:2", "--policy", "packlift-tool@v1=vendor:2", "-o", s.trust)
	for word := range strings.FieldsSeq(s.want(0, "packlift-import", "keygen", "-o", s.identity)) {
		if strings.HasPrefix(word, "age1") {
			s.recipient = word
		}
	}
	data, err := os.ReadFile(tool(t, "packlift-import"))
	if err == nil {
		err = os.MkdirAll(s.tools, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.tools, "packlift-import_"+platform()), data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) key(name string) string { return filepath.Join(s.dir, "keys", name) }

// update makes a bundle of two trees, signed by alice and bob.
func (s *site) update(product, from, to string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, product+"-0000-0010.packlift")
	s.want(0, "packlift-export", "create-update", "--from", from, "--to", to, "--product", product, "-s", "0", "-e", "10", "-r", s.recipient,
		"--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", s.tools, "-o", file)
	return file
}

// shared is a site with two small trees and a bundle of them that tests only read.
var shared struct {
	once             sync.Once
	site             site
	bundle, from, to string
}

// sharedSite makes the shared site in the first test that asks for it.
func sharedSite(t *testing.T) (s *site, bundle, from, to string) {
	t.Helper()
	shared.once.Do(func() {
		dir := filepath.Join(scratch, "shared")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		made := siteIn(t, dir)
		shared.bundle, shared.from, shared.to = made.small()
		shared.site = *made
	})
	if shared.bundle == "" {
		t.Fatal("the shared site could not be made")
	}
	mine := shared.site
	mine.t = t
	return &mine, shared.bundle, shared.from, shared.to
}

// small makes two small trees and a bundle of them.
func (s *site) small() (file, from, to string) {
	s.t.Helper()
	from, to = filepath.Join(s.dir, "from"), filepath.Join(s.dir, "to")
	for name, text := range map[string]string{
		"from/bin/run.sh": "#!/bin/sh\necho old\n", "from/conf/a.conf": "a=1\n", "from/lib/old.txt": "old\n",
		"to/bin/run.sh": "#!/bin/sh\necho new\n", "to/conf/a.conf": "a=2\n", "to/lib/new.txt": "new\n", "to/lib/copy.txt": "new\n",
	} {
		full := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.update("demo-1.0.0", from, to), from, to
}

// list maps each path of a tree to its type, mode and content or target;
// updates/ and bin/packlift-import* belong to the tool and are left out.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries := map[string]string{}
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil || full == dir {
			return err
		}
		name, _ := filepath.Rel(dir, full)
		name = filepath.ToSlash(name)
		if name == "updates" {
			return fs.SkipDir
		}
		if strings.HasPrefix(name, "bin/packlift-import") {
			return nil
		}
		entries[name], err = describe(full, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func describe(full string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(full)
		return "link " + target, err
	}
	var content []byte
	if info.Mode().IsRegular() {
		content, err = os.ReadFile(full)
	}
	return info.Mode().String() + "\x00" + string(content), err
}

// equalTrees fails where two trees differ.
func equalTrees(t *testing.T, got, want string) {
	t.Helper()
	g, w := list(t, got), list(t, want)
	for name, what := range w {
		if g[name] != what {
			t.Errorf("%s is not as in %s", name, want)
		}
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%s is not in %s", name, want)
		}
	}
}

func platform() string { return runtime.GOOS + "_" + runtime.GOARCH + exe() }
