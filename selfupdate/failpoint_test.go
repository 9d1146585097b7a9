//go:build failpoint

package selfupdate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"packlift/internal/pack"
	"packlift/verify"
)

// errand is what a child process needs to run one Update.
type errand struct{ Dir, Bundle, Identity, Executable string }

// TestErrand is no test: it is the child of TestKilledAtEveryEffect.
func TestErrand(t *testing.T) {
	spec := os.Getenv("SELFUPDATE_ERRAND")
	if spec == "" {
		t.Skip("only run as a child")
	}
	var e errand
	if err := json.Unmarshal([]byte(spec), &e); err != nil {
		t.Fatal(err)
	}
	id, err := age.ParseX25519Identity(e.Identity)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pack.Open(e.Dir)
	if err == nil {
		err = p.SettleAudit() // as every run does that changes a pack
	}
	if err != nil {
		t.Fatal(err)
	}
	fsys, _, err := p.TrustFS()
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verify.ParseTrustSet(fsys)
	if err != nil {
		t.Fatal(err)
	}
	raw := read(t, e.Bundle)
	b, _, err := verify.Open(context.Background(), bytes.NewReader(raw), int64(len(raw)), verify.Options{Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Identities: []age.Identity{id}, Current: "1.2.0", Executable: e.Executable}
	if _, err := Update(context.Background(), p, b, o); err != nil {
		t.Fatal(err)
	}
}

// TestKilledAtEveryEffect kills an update before each of its file effects: bin
// holds a whole old or new tool every time, and the next run ends well. The audit
// log tells of the new tool once, whichever run wrote it.
func TestKilledAtEveryEffect(t *testing.T) {
	old, fresh := importer(t, "1.2.0"), importer(t, "1.3.0")
	for n, done := 1, false; !done; n++ {
		if n > 100 {
			t.Fatal("more than 100 effects")
		}
		s := newSite(t, old)
		e := errand{Dir: s.dir, Bundle: s.save(t, carried{binary: fresh, version: "1.3.0"}), Identity: s.id.String(), Executable: s.tool()}
		done = child(t, e, fmt.Sprintf("kill:%d", n)) == nil
		if held := read(t, s.tool()); !bytes.Equal(held, old) && !bytes.Equal(held, fresh) {
			t.Fatalf("killed at %d, bin holds a broken tool; bin: %s", n, s.bin(t))
		}
		if err := child(t, e, ""); err != nil {
			t.Fatalf("killed at %d, the next run fails: %v; bin: %s", n, err, s.bin(t))
		}
		if !bytes.Equal(read(t, s.tool()), fresh) || strings.Contains(s.bin(t), newInfix) {
			t.Fatalf("killed at %d, the next run leaves %s", n, s.bin(t))
		}
		if log := read(t, filepath.Join(s.dir, filepath.FromSlash(pack.AuditFile))); told(log) != 1 {
			t.Fatalf("killed at %d, the audit log does not tell of the new tool once:\n%s", n, log)
		}
		if r, err := s.pack.CheckAudit(); err != nil || !r.OK() {
			t.Fatalf("killed at %d: %+v, %v", n, r, err)
		}
		if list, err := filepath.Glob(filepath.Join(s.dir, pack.DueFile)); err != nil || len(list) > 0 {
			t.Fatalf("killed at %d: %v is left, %v", n, list, err)
		}
		if done && n < 8 {
			t.Fatalf("only %d effects passed the hook", n-1)
		}
	}
}

// TestItselfErrand is no test: it is the child of TestItselfKilledAtEveryEffect.
func TestItselfErrand(t *testing.T) {
	name := os.Getenv("SELFUPDATE_ITSELF")
	if name == "" {
		t.Skip("only run as a child")
	}
	o := Itself{Executable: name, Current: "1.2.0", Warn: t.Logf}
	if _, err := o.Update(context.Background(), given{binary: importer(t, "1.4.0"), version: "1.4.0"}); err != nil {
		t.Fatal(err)
	}
}

// TestItselfKilledAtEveryEffect kills an exporter's update before each of its file
// effects, and has each fail: its folder holds a whole old or new tool every time, and the next run ends well.
func TestItselfKilledAtEveryEffect(t *testing.T) {
	effects := 0
	for done := false; !done; effects++ {
		if effects > 100 {
			t.Fatal("more than 100 effects")
		}
		done = itselfStruck(t, fmt.Sprintf("kill:%d", effects+1))
	}
	if effects < 8 {
		t.Fatalf("only %d effects passed the hook", effects-1)
	}
	for n := range effects {
		itselfStruck(t, fmt.Sprintf("errno:%d:EIO", n+1))
	}
}

// TestItselfCannotWrite: a tool whose folder takes no new file goes on as it is, for root
// as for anyone; TestItselfStays has a real one, which does not stop root.
func TestItselfCannotWrite(t *testing.T) {
	for _, errno := range []string{"EACCES", "EROFS"} {
		o, _ := alone(t)
		if err := spawn("TestItselfErrand", "SELFUPDATE_ITSELF="+o.Executable, "errno:1:"+errno); err != nil {
			t.Errorf("%s: %v", errno, err)
		}
		if !bytes.Equal(read(t, o.Executable), importer(t, "1.2.0")) || beside(t, o) != filepath.Base(o.Executable) {
			t.Errorf("%s: the folder is not as it was: %s", errno, beside(t, o))
		}
	}
}

// itselfStruck runs an update with a failpoint, and then one without; done says that the first went through.
func itselfStruck(t *testing.T, failpoint string) (done bool) {
	t.Helper()
	old, fresh := importer(t, "1.2.0"), importer(t, "1.4.0")
	o, _ := alone(t)
	done = spawn("TestItselfErrand", "SELFUPDATE_ITSELF="+o.Executable, failpoint) == nil
	if held := read(t, o.Executable); !bytes.Equal(held, old) && !bytes.Equal(held, fresh) {
		t.Fatalf("%s: a broken tool; there is: %s", failpoint, beside(t, o))
	}
	if err := spawn("TestItselfErrand", "SELFUPDATE_ITSELF="+o.Executable, ""); err != nil {
		t.Fatalf("%s, the next run fails: %v; there is: %s", failpoint, err, beside(t, o))
	}
	if !bytes.Equal(read(t, o.Executable), fresh) || strings.Contains(beside(t, o), newInfix) {
		t.Fatalf("%s, the next run leaves %s", failpoint, beside(t, o))
	}
	return done
}

// told counts the records of a self-update; a line that the kill tore is none.
func told(log []byte) (n int) {
	for line := range bytes.Lines(log) {
		if json.Valid(line) && bytes.Contains(line, []byte(`"event":"self-update"`)) {
			n++
		}
	}
	return n
}

func (s *site) save(t *testing.T, c carried) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bundle")
	write(t, name, s.raw(t, &c))
	return name
}

func child(t *testing.T, e errand, failpoint string) error {
	t.Helper()
	spec, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return spawn("TestErrand", "SELFUPDATE_ERRAND="+string(spec), failpoint)
}

// spawn runs one test as a child, which finds what it needs in its environment.
func spawn(test, setting, failpoint string) error {
	cmd := exec.Command(os.Args[0], "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), setting, "PACKLIFT_FAILPOINT="+failpoint)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
