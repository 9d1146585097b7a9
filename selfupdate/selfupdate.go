package selfupdate

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/internal/version"
	"packlift/verify"
)

// Guard is the environment variable that a tool started by Rerun finds: the
// version of the tool that started it.
const Guard = "PACKLIFT_SELF_UPDATE_GUARD"

// Mode says what happens when the bundle needs a newer tool.
type Mode string

// The modes of --self-update.
const (
	Continue Mode = "continue" // replace the tool; the caller then calls Rerun
	Exit     Mode = "exit"     // replace the tool and stop with fault.UpdatedItself
	Never    Mode = "never"    // stop
)

// ParseMode reads a mode; the empty string is Continue.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return Continue, nil
	case Continue, Exit, Never:
		return m, nil
	}
	return "", fault.New(fault.Usage, "--self-update %q is unknown", s).WithHint("use continue, exit or never")
}

// Options says how to replace the tool.
type Options struct {
	Identities []age.Identity
	Mode       Mode
	Args       []string // of this run, without the program's name; for the words of Exit
	Executable string   // the running tool; empty: os.Executable
	Current    string   // its version; empty: version.Current
	GOOS       string   // of the tool wanted; empty: this machine's
	GOARCH     string
	Guard      string // empty: the environment's
	AllowRoot  bool   // let root replace a tool where others may write
	Warn       func(format string, args ...any)
}

// Outcome is the tool to run now. Replaced is false where the pack's bin held
// this very tool already.
type Outcome struct {
	Path     string // absolute
	Version  string
	Replaced bool
}

// Needed reports whether the bundle asks for a newer tool than current: by its
// minimum, or because its format is a later one.
func Needed(b *verify.Bundle, current string) bool {
	return b.LaterFormat() || version.Compare(current, b.Frozen().MinimumTool) < 0
}

// Update puts the bundle's importer for this platform into the pack's bin. On
// an error the pack has the tool that it had before, with two exceptions: class
// fault.UpdatedItself is how mode Exit ends well, and where only the last sync
// of the folder or the audit record fails, the new tool stands.
func Update(ctx context.Context, p *pack.Pack, b *verify.Bundle, o Options) (Outcome, error) {
	if err := o.normalise(); err != nil {
		return Outcome{}, err
	}
	if err := o.refuse(b); err != nil {
		return Outcome{}, err
	}
	t, err := o.pick(b)
	if err != nil {
		return Outcome{}, err
	}
	defer t.Close()
	if err := o.checkBin(p.Root()); err != nil {
		return Outcome{}, err
	}
	s, err := newSwap(p.Root(), &o, t.Statement)
	if err != nil {
		return Outcome{}, err
	}
	s.announce = func() error { return p.AuditDue(s.name, t.Statement.SHA256, o.record(b, t, s.name)) }
	out, err := s.run(ctx, t)
	if settled := p.SettleAudit(); err != nil || settled != nil {
		return out, errors.Join(err, settled)
	}
	if o.Mode == Exit {
		return out, fault.New(fault.UpdatedItself, "the tool is updated from %s to %s: %s", o.Current, out.Version, out.Path).
			WithHint("run the same command again: %s", o.again(out.Path))
	}
	return out, nil
}

// record is what the audit log tells of a replacement: who vouches for the new tool,
// and which bundle brought it (its id, unknown in a later format, and the digest
// of its SHA256SUMS).
func (o *Options) record(b *verify.Bundle, t *verify.Tool, name string) map[string]any {
	signers := make([]string, 0, len(t.Signers))
	for _, s := range t.Signers {
		signers = append(signers, s.Principal+" "+s.Fingerprint)
	}
	fields := map[string]any{
		"path": path.Base(name), "from": o.Current, "to": t.Statement.Version, "tool_sha256": t.Statement.SHA256.String(),
		"signers": signers, "sums": b.Sums().String(),
	}
	if info := b.Info(); info != nil {
		fields["bundle"] = info.ID
	}
	return fields
}

func (o *Options) normalise() (err error) {
	if o.Mode == "" {
		o.Mode = Continue
	}
	if o.Current == "" {
		o.Current = version.Current()
	}
	if o.GOOS == "" {
		o.GOOS, o.GOARCH = runtime.GOOS, runtime.GOARCH
	}
	if o.Guard == "" {
		o.Guard = os.Getenv(Guard)
	}
	if o.Executable == "" {
		o.Executable, err = os.Executable()
	}
	return err
}

// refuse stops where the tool must not be replaced at all.
func (o *Options) refuse(b *verify.Bundle) error {
	need := b.Frozen().MinimumTool
	if o.Guard != "" {
		return fault.New(fault.General, "the bundle needs packlift-import %s or newer; %s started this %s, which is still too old", need, o.Guard, o.Current).
			WithHint("put a packlift-import of version %s or newer into the pack's bin by hand", need)
	}
	if o.Mode == Never {
		return fault.New(fault.General, "the bundle needs packlift-import %s or newer, this is %s, and --self-update is never", need, o.Current).
			WithHint("run again with --self-update continue, or put a newer packlift-import into the pack's bin by hand")
	}
	return nil
}

// pick takes the bundle's tool for this platform if it leads forward.
func (o *Options) pick(b *verify.Bundle) (*verify.Tool, error) {
	platform := o.GOOS + "/" + o.GOARCH
	need := b.Frozen().MinimumTool
	var has []string
	for _, t := range b.Frozen().Tools {
		has = append(has, t.OS+"/"+t.Arch)
	}
	if !slices.Contains(has, platform) {
		return nil, fault.New(fault.General, "the bundle needs packlift-import %s or newer, this is %s, and it carries none for %s (only %s)",
			need, o.Current, platform, strings.Join(has, ", ")).
			WithHint("put a packlift-import for %s of version %s or newer into the pack's bin by hand", platform, need)
	}
	t, err := b.Tool(o.Identities, o.GOOS, o.GOARCH)
	if err != nil {
		return nil, err
	}
	if err := o.leadsForward(t.Statement.Version, need); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (o *Options) leadsForward(v, need string) error {
	if version.Compare(v, o.Current) <= 0 {
		return fault.New(fault.General, "the bundle needs packlift-import %s or newer, and carries %s, which is not newer than this %s", need, v, o.Current).
			WithHint("ask for a bundle with newer tools (create-update --tools)")
	}
	if version.Compare(v, need) < 0 {
		return fault.New(fault.General, "the bundle needs packlift-import %s or newer, and carries only %s", need, v).
			WithHint("ask for a bundle with newer tools (create-update --tools)")
	}
	return nil
}

// again gives the command line to type, quoted where a shell needs it.
func (o *Options) again(path string) string {
	if rel, err := filepath.Rel(mustWd(), path); err == nil && !strings.HasPrefix(rel, "..") {
		path = "." + string(filepath.Separator) + rel
	}
	words := []string{typed.Word(path)}
	for _, a := range o.Args {
		words = append(words, typed.Word(a))
	}
	return strings.Join(words, " ")
}

func mustWd() string {
	wd, err := os.Getwd()
	if err != nil {
		return string(filepath.Separator)
	}
	return wd
}
