package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// pendingName is the file that says that an update waits for its conflicts to be
// decided. It is there before the first of the files beside them, and goes after the last.
const pendingName = dataDir + "/pending.json"

const (
	maxPending = 256 << 20
	maxGlobs   = 1000
	maxText    = 64 << 10
)

// Pending is an update that waits. The pack is whole, on the level From.
type Pending struct {
	Format int             `json:"pending"`
	Bundle string          `json:"bundle"` // its id
	Sums   manifest.Digest `json:"sums"`   // of its SHA256SUMS: what was verified
	Source
	From      int       `json:"from"`
	To        int       `json:"to"`
	Hotfix    int       `json:"hotfix,omitempty"` // its number, 0 for an update
	Level     int       `json:"level,omitempty"`  // that was asked for
	Backup    string    `json:"backup,omitempty"`
	NoBackup  bool      `json:"no_backup,omitempty"`
	NoLog     bool      `json:"no_changelog,omitempty"`
	Template  string    `json:"template,omitempty"`
	Ours      []string  `json:"ours,omitempty"`
	Theirs    []string  `json:"theirs,omitempty"`
	Conflicts []Waiting `json:"conflicts"`
	Helpers   []Helper  `json:"helpers"`
}

// Source is where a pending update came from: a bundle's file, none where it is not
// kept, or a depot, from which it is made again; then Target, the manifest that it
// leads to, tells whether it is the same.
type Source struct {
	File    string          `json:"file"` // where it lay
	Depot   string          `json:"depot,omitempty"`
	Channel string          `json:"channel,omitempty"`
	Target  manifest.Digest `json:"target,omitzero"`
}

// Waiting is a conflict of an update that waits.
type Waiting struct {
	Conflict
	// Decided is what decided it in the last run: ByOurs and so on; empty while it is open.
	Decided string `json:"decided,omitempty"`
}

// Helper is a file beside a customized one that the tool wrote.
type Helper struct {
	Path   string          `json:"path"`
	Size   int64           `json:"size"`
	SHA256 manifest.Digest `json:"sha256"`
}

// ReadPending gives the update that waits in p, nil where there is none.
func ReadPending(p *pack.Pack) (*Pending, error) { return readPending(p.Root()) }

func readPending(root *rootfs.Root) (*Pending, error) {
	b, err := root.ReadFile(pendingName, maxPending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := &Pending{}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err = d.Decode(w); err == nil {
		err = w.check()
	}
	if err != nil {
		return nil, fault.New(fault.General, "%s is damaged: %w", root.Full(pendingName), err).
			WithHint("move it aside; the pack is whole, and files that end in %s and %s may be removed by hand", endOriginal, endNew)
	}
	return w, nil
}

// check trusts nothing: only helpers of the conflicts named may ever be removed.
func (w *Pending) check() error {
	switch {
	case w.Format != 1:
		return fmt.Errorf("format %d is unknown", w.Format)
	case w.From < -1 || w.To < 0 || max(w.From, w.To, w.Level) > manifest.MaxLevel || w.Level < 0 || w.Hotfix < 0 || w.Hotfix > manifest.MaxNumber:
		return errors.New("its levels are impossible")
	case len(w.Conflicts) > MaxOps || len(w.Helpers) > 2*MaxOps || len(w.Ours)+len(w.Theirs) > maxGlobs:
		return errors.New("it names too much")
	case len(w.Bundle) > 64 || max(len(w.File), len(w.Depot), len(w.Channel)) > maxText || len(w.Backup) > maxText || len(w.Template) > maxText:
		return errors.New("a text in it is too long")
	}
	for _, g := range slices.Concat(w.Ours, w.Theirs) {
		if err := pack.CheckGlob(g); err != nil {
			return err
		}
	}
	mine := map[string]bool{}
	for _, c := range w.Conflicts {
		if err := productPath(c.Path); err != nil {
			return err
		}
		if slices.ContainsFunc(c.Decide, unknownWay) || c.Decided != "" && unknownWay(c.Decided) {
			return fmt.Errorf("%.200q is decided in an unknown way", c.Path)
		}
		mine[c.Path] = true
	}
	for _, h := range w.Helpers {
		f, ok := strings.CutSuffix(h.Path, endOriginal)
		if !ok {
			f, ok = strings.CutSuffix(h.Path, endNew)
		}
		if !ok || !mine[f] || h.Size < 0 || h.Size > manifest.MaxFile {
			return fmt.Errorf("%.200q is no file of a conflict", h.Path)
		}
		if err := productPath(h.Path); err != nil {
			return err
		}
	}
	return nil
}

func unknownWay(s string) bool {
	return !slices.Contains([]string{ByFinal, ByOurs, ByTheirs, ByMerge, Gone}, s)
}

// What is what waits, as a message names it.
func (w *Pending) What() string {
	if w.Hotfix > 0 {
		return fmt.Sprintf("hotfix %d of level %s", w.Hotfix, levelName(w.To))
	}
	return fmt.Sprintf("update from level %s to %s", levelName(w.From), levelName(w.To))
}

// Command is the one that began it, and goes on with it, with further words.
func (w *Pending) Command(words string) string {
	switch {
	case w.Depot != "":
		return typed.ExportUpdate(words)
	case w.Hotfix > 0:
		return typed.Import("apply-hotfix " + words)
	}
	return typed.Import("apply-update " + words)
}

// Fits refuses a bundle that is not the one that was verified.
func (w *Pending) Fits(sums manifest.Digest) error {
	if w.Depot != "" {
		return fault.New(fault.Usage, "the update that waits came from a depot (%s)", w.Depot).WithHint("go on: %s; or give up: %s", w.words().goOn, w.words().giveUp)
	}
	if w.Sums == sums {
		return nil
	}
	return fault.New(fault.Usage, "this is another bundle than the one whose conflicts wait (%s)", w.File).
		WithHint("give that one: %s; or give up: %s", w.Command("--continue BUNDLE"), w.words().giveUp)
}

// FitsDepot refuses an update that waits for its bundle.
func (w *Pending) FitsDepot() error {
	if w.Depot != "" {
		return nil
	}
	return fault.New(fault.Usage, "the update that waits came from a bundle (%s)", w.File).WithHint("go on: %s; or give up: %s", w.words().goOn, w.words().giveUp)
}

// FitsLevel refuses a level of a depot that is not the one whose conflicts wait.
func (w *Pending) FitsLevel(from, to int, target manifest.Digest) error {
	if w.From == from && w.To == to && w.Target == target {
		return nil
	}
	return fault.New(fault.Usage, "the depot leads from level %s to another level %s than the one whose conflicts wait (manifest %.12s, waiting %.12s)",
		levelName(from), levelName(to), target, w.Target).WithHint("give this update up, and begin anew: %s", w.words().giveUp)
}

// ways are how a user goes on with a pending update.
type ways struct{ goOn, giveUp string }

func (w *Pending) words() ways {
	return ways{w.Command("--continue"), w.Command("--revert")}
}

// is tells whether a run carries this update out. One from a depot is another bundle each time.
func (w *Pending) is(h *head) bool {
	return w.Bundle == h.Bundle || w.Depot != "" && w.From == h.From && w.To == h.To && h.Hotfix == 0
}

// Paths are those that wait for a decision; none for a nil w.
func (w *Pending) Paths() (out []string) {
	if w == nil {
		return nil
	}
	for _, c := range w.Conflicts {
		out = append(out, c.Path)
	}
	return out
}

// Refuse is what every other command that writes ends with; open conflicts are not
// decided yet. With command stage what is decided so far is made ready first.
func (w *Pending) Refuse(open int, command string) error {
	goOn := w.words().goOn
	if command == "stage" && open > 0 && w.Depot == "" {
		goOn = typed.Import("stage --continue")
	}
	an := "an "
	if w.Hotfix > 0 {
		an = ""
	}
	left := fmt.Sprintf("%d conflicts wait", open)
	switch {
	case open == 1:
		left = "1 conflict waits"
	case open == 0:
		return fault.New(fault.Conflict, "%s%s is pending, and all its conflicts are decided; the pack is whole, at level %s", an, w.What(), levelName(w.From)).
			WithHint("go on: %s; or give up: %s", goOn, w.words().giveUp)
	}
	return fault.New(fault.Conflict, "%s%s is pending, and %s for you; the pack is whole, at level %s", an, w.What(), left, levelName(w.From)).
		WithHint("see them: %s; go on: %s; or give up: %s", typed.Import("conflicts"), goOn, w.words().giveUp)
}

func (w *Pending) save(root *rootfs.Root) error {
	w.Format = 1
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(w); err != nil {
		return err
	}
	return root.WriteFile(pendingName, b.Bytes(), 0o600)
}

// Drop gives the update up: it removes what was written beside the customized
// files, and then the record. What somebody changed since stays, and is named, as
// does an F.final that holds something of its own.
func (w *Pending) Drop(p *pack.Pack) (stay []string, err error) { return w.drop(p.Root()) }

func (w *Pending) drop(root *rootfs.Root) (stay []string, err error) {
	dirs := map[string]bool{}
	for _, c := range w.Conflicts { // first: what they equal must still be there
		if stay, err = w.dropFinal(root, c.Path, stay, dirs); err != nil {
			return stay, err
		}
	}
	return w.withdraw(root, stay, dirs)
}

// withdraw removes the files that were laid beside, and then the record.
func (w *Pending) withdraw(root *rootfs.Root, stay []string, dirs map[string]bool) (_ []string, err error) {
	for _, h := range w.Helpers {
		if stay, err = h.drop(root, stay, dirs); err != nil {
			return stay, err
		}
	}
	for dir := range dirs {
		if err := root.SyncDir(dir); err != nil {
			return stay, err
		}
	}
	if err := root.Remove(pendingName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return stay, err
	}
	return stay, root.SyncDir(dataDir)
}

func (h *Helper) drop(root *rootfs.Root, stay []string, dirs map[string]bool) ([]string, error) {
	now, err := ownEntry(root, h.Path)
	switch {
	case err != nil || now == nil:
		return stay, err
	case !isFile(now) || now.SHA256 != h.SHA256:
		return append(stay, h.Path), nil
	}
	return stay, removeIn(root, h.Path, dirs)
}

// dropFinal removes F.final where F, F.original or F.new holds the same.
func (w *Pending) dropFinal(root *rootfs.Root, p string, stay []string, dirs map[string]bool) ([]string, error) {
	final, err := ownEntry(root, p+endFinal)
	if err != nil || final == nil {
		return stay, err
	}
	for _, end := range []string{"", endOriginal, endNew} {
		other, err := ownEntry(root, p+end)
		if err != nil {
			return stay, err
		}
		if isFile(final) && other != nil && sameContent(final, other) {
			return stay, removeIn(root, p+endFinal, dirs)
		}
	}
	return append(stay, p+endFinal), nil
}

func removeIn(root *rootfs.Root, p string, dirs map[string]bool) error {
	dirs[parentOf(p)] = true
	return root.Remove(p)
}

func parentOf(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "."
}

// ownEntry is entryNow of a path that no link leads to; nil for one below a link.
func ownEntry(root *rootfs.Root, p string) (*manifest.Entry, error) {
	if link, err := root.ParentLink(p); link != "" || absent(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return entryNow(root, p)
}
