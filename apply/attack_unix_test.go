//go:build unix

package apply

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// A folder that the site closed to its owner is opened before recovery looks
// below it: the owner could not judge it otherwise. With the folder open, what
// was edited since is named as always.
func TestRecoverOpensFoldersFirst(t *testing.T) {
	for _, name := range []string{journalName, undoName} {
		from := tree{"d": dir(0o755), "d/f": file("1")}
		to := from.with(tree{"d/f": file("2")})
		p := newPack(t, from, 3)
		d := filepath.Join(p.Dir(), "d")
		must(t, os.Chmod(d, 0o300))
		f := newFake(t, from, to, 3, 10)
		pl, err := f.plan(p, testOptions())
		must(t, err)
		o := testOptions().withDefaults()
		pl.states(o.Now())
		must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
		tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
		must(t, tr.begin())
		must(t, tr.each(false, (*op).movesAway, tr.moveAway))
		if name == undoName {
			must(t, p.Root().Rename(journalName, undoName))
		}
		must(t, os.WriteFile(filepath.Join(d, "f"), []byte("edited"), 0o644))
		if _, err := Recover(context.Background(), p, nil); fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "d/f: ") {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Lstat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: d was judged with mode %v, %v", name, info.Mode().Perm(), err)
		}
		must(t, os.Remove(filepath.Join(d, "f")))
		if _, err := Recover(context.Background(), p, nil); err != nil {
			t.Error(err)
		}
		if info, err := os.Lstat(d); err != nil || info.Mode().Perm() != 0o300 {
			t.Errorf("%s: the site's mode is not back: %v, %v", name, info.Mode().Perm(), err)
		}
	}
}

// What the owner may not read is named, with what to type.
func TestDenied(t *testing.T) {
	err := denied(&fs.PathError{Op: "open", Path: "/p/lib/x", Err: syscall.EACCES})
	if !strings.Contains(err.Error(), "/p/lib/x") || !strings.Contains(fault.HintOf(err), `chmod u+rwX /p/lib/x,`) {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
	err = denied(&fs.PathError{Op: "rename", Path: "/p/lib/x", Err: syscall.EXDEV})
	if !strings.Contains(fault.HintOf(err), "lsattr") || !strings.Contains(fault.HintOf(err), "/p/lib/x") {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
	err = denied(&fs.PathError{Op: "rename", Path: "/p/lib/x", Err: syscall.EPERM})
	if os.Geteuid() == 0 && !strings.Contains(fault.HintOf(err), "(lsattr -d /p/lib/x /p/lib)") {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
	if other := errors.New("x"); denied(other) != other || denied(nil) != nil {
		t.Error("another error is changed")
	}
}

// Root does not touch a pack that others can steer.
func TestPrivilegedData(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is refused")
	}
	p := newPack(t, oldTree, 3)
	for _, name := range []string{".", "bin", "updates", dataDir, pack.StateFile, pack.TrustDir + "/1/allowed_signers"} {
		full := filepath.Join(p.Dir(), name)
		info, err := os.Lstat(full)
		if err != nil && name == "bin" {
			must(t, os.Mkdir(full, 0o755))
			info, err = os.Lstat(full)
		}
		must(t, err)
		if err := CheckPrivilege(p, false); err != nil {
			t.Errorf("root's own pack: %v", err)
		}
		must(t, os.Chmod(full, info.Mode().Perm()|0o020))
		if err := CheckPrivilege(p, false); fault.ClassOf(err) != fault.Privileged {
			t.Errorf("%s may be written by a group: %v", name, err)
		}
		must(t, os.Chmod(full, info.Mode().Perm()))
		must(t, os.Lchown(full, otherUser, 0))
		if err := CheckPrivilege(p, false); fault.ClassOf(err) != fault.Privileged || !strings.Contains(err.Error(), "65534") {
			t.Errorf("%s belongs to another: %v", name, err)
		}
		if err := CheckPrivilege(p, true); err != nil {
			t.Errorf("allowed: %v", err)
		}
		must(t, os.Lchown(full, 0, 0))
	}
}

// A forged journal or note names a folder outside: it stays unless it holds the
// run's own proof.
func TestForgedOutside(t *testing.T) {
	victim := func(name string, proof []byte) string {
		dir := filepath.Join(scratch(t), name)
		must(t, os.MkdirAll(filepath.Join(dir, treeDir), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, treeDir, "x"), nil, 0o600))
		for _, f := range []string{backupRecord, noteName} {
			if proof != nil {
				must(t, os.WriteFile(filepath.Join(dir, f), proof, 0o600))
			}
		}
		return dir
	}
	stays := func(what, dir string, want bool) {
		if _, err := os.Stat(filepath.Join(dir, treeDir, "x")); (err == nil) != want {
			t.Errorf("%s: is there: %v, want %v", what, err == nil, want)
		}
	}
	p := newPack(t, oldTree, 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	update(t, p, f, testOptions())
	own, err := os.ReadFile(filepath.Join(p.Dir(), generationDir(1), backupRecord))
	must(t, err)
	tr := &transaction{p: p, log: testOptions().withDefaults().Log, engine: engine{root: p.Root()}}
	tr.head.Txn, tr.head.Reverts = strings.Repeat("0", 16), 1
	name := outsideName(1, strings.Repeat("a", 16))
	for what, c := range map[string]struct {
		proof []byte
		stays bool
	}{"nothing to prove it": {nil, true}, "another's": {[]byte("{}\n"), true}} {
		dir := victim(name, c.proof)
		if err := dropOwn(p.Root(), generationDir(1)+"/"+backupRecord, dir); err == nil {
			t.Errorf("%s: no error", what)
		}
		stays(what, dir, c.stays)
	}
	dir := victim(name, own)
	tr.head.RevertsOutside = dir
	must(t, tr.dropReverted())
	stays("its own", dir, false)

	at := places{strings.Repeat("b", 16)}
	must(t, os.MkdirAll(filepath.Join(p.Dir(), at.stage()), 0o700))
	dir = victim(outsideName(2, at.txn), []byte(`{"mark":"another"}`))
	must(t, os.WriteFile(filepath.Join(p.Dir(), at.note()), []byte(`{"mark":"guessed","outside":"`+dir+`"}`), 0o600))
	if _, err := Recover(context.Background(), p, nil); err != nil {
		t.Error(err)
	}
	stays("a forged note", dir, true)
}

func TestForgedHead(t *testing.T) {
	p, _ := interruptedPack(t, false)
	name := filepath.Join(p.Dir(), journalName)
	good, err := os.ReadFile(name)
	must(t, err)
	txn := strings.Repeat("a", 16)
	for what, s := range map[string]string{
		"reverts in an update":     `"reverts":1,`,
		"backup in an update":      `"reverts":1,"reverts_outside":"/x/000001-` + txn + `",`,
		"reverts_outside alone":    `"reverts_outside":"/x/000001-` + txn + `",`,
		"name that is no run's":    `"outside":"/x/000001-ABCDEFGH.notatxn",`,
		"another run's backup":     `"outside":"/x/000001-` + txn + `",`,
		"relative backup folder":   `"remember":"x",`,
		"climbing backup folder":   `"remember":"/x/../y",`,
		"a revert without a start": `"kind":"revert",`,
	} {
		forged := bytes.Replace(good, []byte(`"count":`), []byte(s+`"count":`), 1)
		if strings.Contains(s, `"kind"`) {
			forged = bytes.Replace(good, []byte(`"kind":"update",`), []byte(s), 1)
		}
		must(t, os.WriteFile(name, reseal(forged), 0o600))
		if _, err := Recover(context.Background(), p, nil); fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "journal cannot be used") {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, os.WriteFile(name, good, 0o600))
	recovers(t, p, ActionFinished, newTree)
}

// What is in the way of the report is told before anything is staged; what
// gets in its way after the commit does not keep the run from its end.
func TestReportsInTheWay(t *testing.T) {
	f := newFake(t, oldTree, newTree, 3, 10)
	name := changelogName(3, 10)
	for what, block := range map[string]func(p *pack.Pack){
		name: func(p *pack.Pack) { must(t, os.Mkdir(filepath.Join(p.Dir(), name), 0o755)) },
		pack.AuditFile: func(p *pack.Pack) {
			audit := filepath.Join(p.Dir(), pack.AuditFile)
			must(t, os.Remove(audit))
			must(t, syscall.Mkfifo(audit, 0o600))
		},
	} {
		p := newPack(t, oldTree, 3)
		pl, err := f.plan(p, testOptions())
		must(t, err)
		block(p)
		if _, err := f.run(context.Background(), p, pl, testOptions()); err == nil || !strings.Contains(fault.HintOf(err), what) {
			t.Errorf("%s: %v, hint %q", what, err, fault.HintOf(err))
		}
		sameTree(t, what, readTree(t, p.Dir()), oldTree)
		if list, err := os.ReadDir(filepath.Join(p.Dir(), stageRoot)); err == nil && len(list) > 0 {
			t.Errorf("%s: staged %v", what, list)
		}
	}
	p, _ := interruptedPack(t, false)
	must(t, os.Mkdir(filepath.Join(p.Dir(), name), 0o755))
	recovers(t, p, ActionFinished, newTree)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), oldTree)
}

// A file that appears between the look and the move stays.
func TestMoveKeepsWhatAppeared(t *testing.T) {
	p := newPack(t, oldTree.with(tree{"staged": file("new"), "own": file("the site's")}), 3)
	e := &engine{root: p.Root()}
	if err := e.move("staged", "own", "own"); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), `"own" changed`) {
		t.Errorf("%v", err)
	}
	if b, err := os.ReadFile(filepath.Join(p.Dir(), "own")); err != nil || string(b) != "the site's" {
		t.Errorf("%q, %v", b, err)
	}
}

// A change of mode alone does not reach a file's other name, there and back,
// nor when the run is ended in between.
func TestModeOfLinkedFile(t *testing.T) {
	from := tree{"f": file("text"), "g": file("1")}
	to := from.with(tree{"f": fileMode("text", 0o600), "g": file("2")})
	other := func(p *pack.Pack) string { return filepath.Join(filepath.Dir(p.Dir()), "other") }
	check := func(what string, p *pack.Pack, want tree) {
		t.Helper()
		sameTree(t, what, readTree(t, p.Dir()), want)
		if info, err := os.Stat(other(p)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: the other name: %v, %v", what, info, err)
		}
		tidy(t, p)
	}
	for _, back := range []bool{false, true} {
		for moved := range 4 {
			p := newPack(t, from, 3)
			must(t, os.Link(filepath.Join(p.Dir(), "f"), other(p)))
			f, o := newFake(t, from, to, 3, 10), testOptions().withDefaults()
			pl, err := f.plan(p, o)
			must(t, err)
			if moved == 3 {
				_, err := f.run(context.Background(), p, pl, o)
				must(t, err)
				check("applied", p, to)
				must(t, os.Remove(other(p)))
				must(t, os.Link(filepath.Join(p.Dir(), "f"), other(p)))
				must(t, os.Chmod(other(p), 0o600))
				revert(t, p, o)
				sameTree(t, "reverted", readTree(t, p.Dir()), from)
				if info, err := os.Stat(other(p)); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("reverted: the other name: %v, %v", info, err)
				}
				continue
			}
			pl.states(o.Now())
			must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
			tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
			must(t, tr.begin())
			if moved > 0 {
				must(t, tr.each(false, (*op).movesAway, tr.moveAway))
			}
			if moved > 1 {
				must(t, tr.each(false, (*op).placesNew, tr.place))
			}
			if back {
				must(t, p.Root().Rename(journalName, undoName))
			}
			_, err = Recover(context.Background(), p, nil)
			must(t, err)
			check("recovered", p, map[bool]tree{false: to, true: from}[back])
		}
	}
}
