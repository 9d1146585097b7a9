package pack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

func records(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(AuditFile)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), `"event":"self-update"`)
}

// TestSettleAudit: what was announced is recorded once the tool is there, once,
// and forgotten where it did not come.
func TestSettleAudit(t *testing.T) {
	p, dir := newPack(t)
	settle := func(what string, want int) {
		t.Helper()
		for range 2 {
			if err := p.SettleAudit(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := records(t, dir); n != want {
			t.Errorf("%s: %d records, want %d", what, n, want)
		}
		if _, err := os.Lstat(filepath.Join(dir, DueFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the announcement stays: %v", what, err)
		}
	}
	settle("nothing announced", 0)
	due := func() {
		t.Helper()
		if err := p.AuditDue("bin/packlift-import", manifest.Sum([]byte("new")), map[string]any{"to": "1.3.0", "signers": []string{"a"}}); err != nil {
			t.Fatal(err)
		}
	}
	due()
	settle("no tool", 0)
	due()
	write(t, dir, "bin/packlift-import", "old")
	settle("the old tool", 0)
	due()
	write(t, dir, "bin/packlift-import", "new")
	note, err := os.ReadFile(filepath.Join(dir, DueFile))
	if err != nil {
		t.Fatal(err)
	}
	settle("the new tool", 1)
	write(t, dir, DueFile, string(note)) // as after a crash before it was removed
	settle("recorded already", 1)
	due()
	settle("the same once more", 2)
	if r, err := p.CheckAudit(); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestHostileDue: a forged announcement is told, with what to do, and nothing is
// read or written for it.
func TestHostileDue(t *testing.T) {
	p, dir := newPack(t)
	if err := p.AuditDue("bin/packlift-import", manifest.Sum(nil), map[string]any{}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, DueFile))
	if err != nil {
		t.Fatal(err)
	}
	for old, forged := range map[string]string{
		"bin/packlift-import": "bin/packlift-import/../../../x", `"bin/`: `"/etc/`, `"format": 1`: `"format": 2`, `"fields": {}`: `"fields": null`,
		`"run"`: `"more": 1, "run"`, `"run": "`: `"run": "\u001b`, "{": "", "}": "}}",
	} {
		text := strings.Replace(string(good), old, forged, 1)
		if text == string(good) {
			t.Fatalf("the announcement has no %q", old)
		}
		write(t, dir, DueFile, text)
		if err := p.SettleAudit(); err == nil || !strings.Contains(fault.HintOf(err), DueFile) {
			t.Errorf("%s: %v, hint %q", forged, err, fault.HintOf(err))
		}
	}
	write(t, dir, DueFile, strings.Repeat(" ", maxDue+1))
	if err := p.SettleAudit(); err == nil {
		t.Error("a huge announcement is read")
	}
	if n := records(t, dir); n != 0 {
		t.Errorf("%d records", n)
	}
}
