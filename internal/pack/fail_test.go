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
	os.Exit(m.Run())
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
