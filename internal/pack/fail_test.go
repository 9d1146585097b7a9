//go:build failpoint && unix

package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/rootfs"
)

// TestMain lets the test binary play the init that is to fail.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PACK_TEST_INIT"); dir != "" {
		if _, err := Init(dir, options()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("PACK_TEST_PRESERVE"); dir != "" {
		if err := savePreserve(dir, "new/"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func savePreserve(dir, pattern string) error {
	p, err := Open(dir)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.SavePreserve([]string{pattern})
}

// TestPreserveAtEachPoint kills the change of the preserved patterns before each of
// its effects, or makes the effect fail: the list is then the old or the new one.
func TestPreserveAtEachPoint(t *testing.T) {
	run := func(dir, spec string) bool {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PACK_TEST_PRESERVE="+dir, "PACKLIFT_FAILPOINT="+spec)
		return cmd.Run() == nil
	}
	fresh := func() string {
		dir := t.TempDir()
		if p, err := Init(dir, options()); err != nil || p.Close() != nil {
			t.Fatal(err)
		}
		if err := savePreserve(dir, "old/"); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	list := filepath.Join(t.TempDir(), "count")
	if !run(fresh(), "count:"+list) {
		t.Fatal("it fails without a fault")
	}
	b, err := os.ReadFile(list)
	count := strings.Count(string(b), "\n")
	if err != nil || count < 3 {
		t.Fatalf("%d effects, %v", count, err)
	}
	seen := map[string]int{}
	for _, kind := range []string{"kill:%d", "errno:%d:ENOSPC", "errno:%d:EIO", "errno:%d:EROFS"} {
		for n := 1; n <= count; n++ {
			dir := fresh()
			if run(dir, fmt.Sprintf(kind, n)) && strings.HasPrefix(kind, "kill") {
				t.Errorf("point %d: not killed", n)
			}
			b, err := os.ReadFile(filepath.Join(dir, PreserveFile))
			if got := string(b); err != nil || got != "old/\n" && got != "new/\n" {
				t.Errorf(kind+": %q, %v", n, got, err)
			}
			seen[string(b)]++
			p, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkWhole(t, p, n)
		}
	}
	if t.Logf("%d effects, %v", count, seen); len(seen) != 2 {
		t.Error("the list does not change between the effects")
	}
}

func initAs(dir, spec string) (string, bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PACK_TEST_INIT="+dir, "PACKLIFT_FAILPOINT="+spec)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func effectsOfInit(t *testing.T) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "count")
	if out, ok := initAs(t.TempDir(), "count:"+file); !ok {
		t.Fatal(out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

// TestInitAtEachPoint kills an init before each of its effects, or makes the
// effect fail: there is then no pack, and a second init makes one; or a whole pack.
func TestInitAtEachPoint(t *testing.T) {
	count := effectsOfInit(t)
	if count < 20 {
		t.Fatalf("only %d effects", count)
	}
	noPack, whole := 0, 0
	for _, kind := range []string{"kill:%d", "errno:%d:ENOSPC"} {
		for n := 1; n <= count; n++ {
			dir := t.TempDir()
			out, ok := initAs(dir, fmt.Sprintf(kind, n))
			p, err := Open(dir)
			if err != nil {
				noPack++
				if p, err = Init(dir, options()); err != nil {
					t.Errorf("point %d: a second init says: %v", n, err)
					continue
				}
			} else {
				whole++
			}
			if ok && strings.HasPrefix(kind, "kill") {
				t.Errorf("point %d: not killed: %s", n, out)
			}
			checkWhole(t, p, n)
		}
	}
	t.Logf("%d effects; no pack %d times, a whole one %d times", count, noPack, whole)
	if noPack == 0 || whole == 0 {
		t.Error("the state is not written between the effects")
	}
}

func checkWhole(t *testing.T, p *Pack, n int) {
	t.Helper()
	defer p.Close()
	if s, err := p.State(); err != nil || s.Level != 3 {
		t.Errorf("point %d: %+v, %v", n, s, err)
	}
	view, _, err := p.TrustFS()
	if err != nil {
		t.Errorf("point %d: %v", n, err)
		return
	}
	for name, want := range options().Trust {
		if b, err := fs.ReadFile(view, name); err != nil || string(b) != string(want) {
			t.Errorf("point %d: %s: %q, %v", n, name, b, err)
		}
	}
	mustLock(t, p, "x")() // sweeps
	err = filepath.WalkDir(p.Dir(), func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, rootfs.TempPrefix) {
			err = errors.New("left: " + path)
		}
		return err
	})
	if r, err2 := p.CheckAudit(); err != nil || err2 != nil || !r.OK() || r.Records == 0 {
		t.Errorf("point %d: %v, %v, %+v", n, err, err2, r)
	}
}
