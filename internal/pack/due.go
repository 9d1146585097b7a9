package pack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// DueFile holds the audit record of a replacement of the tool that is under
// way. It is there before the tool is replaced, so that a crash between the
// replacement and its record loses neither.
const DueFile = Dir + "/audit.due"

const maxDue = maxRecord

// Due is a record that has to be made once the tool at Tool has the digest SHA256.
type Due struct {
	Tool   string          `json:"tool"` // bin/packlift-import…
	SHA256 manifest.Digest `json:"sha256"`
	Run    string          `json:"run"` // tells it from another that says the same
	Fields map[string]any  `json:"fields"`
}

type dueFile struct {
	Format int `json:"format"`
	Due
}

const toolEvent = "self-update"

// AuditDue announces a replacement of the tool, durably. The caller holds the
// pack's lock, and calls SettleAudit after it, whether or not it came to pass.
func (p *Pack) AuditDue(tool string, sum manifest.Digest, fields map[string]any) error {
	d := Due{Tool: tool, SHA256: sum, Run: strings.ToLower(rand.Text()), Fields: fields}
	if err := d.check(); err != nil {
		return err
	}
	return p.root.WriteFile(DueFile, indented(dueFile{1, d}), privateFile)
}

// SettleAudit makes the record that is due, once, if the tool was replaced as
// announced, and forgets the announcement. Every run that changes a pack calls it
// under the lock, and may be ended at any point of it.
func (p *Pack) SettleAudit() error {
	var f dueFile
	_, err := readVersioned(p.root, DueFile, maxDue, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return fault.New(fault.General, "the record of a self-update that was interrupted cannot be made: %w", err).
			WithHint("note in your own records which tool is in bin, then move %s aside", DueFile)
	}
	done, err := p.replaced(&f.Due)
	if err == nil && done {
		f.Fields["run"] = f.Run
		err = p.AuditOnce(toolEvent, f.Fields)
	}
	if err != nil {
		return err
	}
	if err := p.root.Remove(DueFile); err != nil {
		return err
	}
	return p.root.SyncDir(Dir)
}

func (d *Due) check() error {
	switch {
	case !strings.HasPrefix(d.Tool, "bin/packlift-import") || path.Dir(d.Tool) != "bin" || path.Clean(d.Tool) != d.Tool:
		return fmt.Errorf("%s: %.200q is no tool", DueFile, d.Tool)
	case !printable(d.Run) || d.Run == "" || d.SHA256.IsZero() || d.Fields == nil:
		return fmt.Errorf("%s: something is missing", DueFile)
	}
	return nil
}

func (p *Pack) replaced(d *Due) (bool, error) {
	f, err := p.root.Open(d.Tool)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	sum, _, err := HashFile(f)
	return sum == d.SHA256, err
}
