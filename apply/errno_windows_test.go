package apply

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"packlift/internal/fault"
)

// Who may make no links is told who may.
func TestNoRightToLink(t *testing.T) {
	err := denied(&fs.PathError{Op: "symlink", Path: "x", Err: windows.ERROR_PRIVILEGE_NOT_HELD})
	if fault.ClassOf(err) != fault.General || !strings.Contains(fault.HintOf(err), "Developer Mode") {
		t.Errorf("%v: %s", err, fault.HintOf(err))
	}
}

// A file that another program has open ends a run as a product that runs does.
func TestOpenElsewhere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = os.Rename(name, name+"2")
	if _, ok := err.(*os.LinkError); !ok {
		t.Fatalf("renamed while it is open: %v", err)
	}
	for _, err := range []error{denied(&fs.PathError{Op: "rename", Path: name, Err: err}), spaceOr(&fs.PathError{Op: "rename", Path: name, Err: err})} {
		if fault.ClassOf(err) != fault.Running || !strings.Contains(fault.HintOf(err), "another program has "+name+" open") {
			t.Errorf("%v: %v, %s", err, fault.ClassOf(err), fault.HintOf(err))
		}
	}
}

// A recovery that another program stands in the way of says so, leaves all to the next
// one, and does not call the pack beyond repair.
func TestRecoveryOfAnOpenFile(t *testing.T) {
	p, _ := interruptedPack(t, false)
	var held []*os.File
	must(t, filepath.WalkDir(filepath.Join(p.Dir(), filepath.FromSlash(stageRoot)), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(name)
		held = append(held, f)
		return err
	}))
	if len(held) == 0 {
		t.Fatal("nothing is staged")
	}
	_, err := Recover(t.Context(), p, nil)
	for _, f := range held {
		f.Close()
	}
	if fault.ClassOf(err) != fault.Running || !strings.Contains(fault.HintOf(err), "another program has ") {
		t.Errorf("%v: %v, %s", err, fault.ClassOf(err), fault.HintOf(err))
	}
	out, err := Recover(t.Context(), p, nil)
	must(t, err)
	sameTree(t, "recovered", readTree(t, p.Dir()), map[string]tree{ActionFinished: newTree, ActionUndone: oldTree}[out.Action])
}
