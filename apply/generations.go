package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// Generation is one transaction's backup. Fault is empty where its record is there, and
// each of its files with the size that it had; their contents are read by a revert, and
// by CheckGenerations. Pruned is one that is gone because older ones are not kept.
type Generation struct {
	Number  int       `json:"generation"`
	Kind    string    `json:"kind"`
	From    int       `json:"from"`
	To      int       `json:"to"`
	Hotfix  int       `json:"hotfix,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Dir     string    `json:"dir"`
	Reverts bool      `json:"reverts"` // a revert can lead back through it
	Pruned  bool      `json:"pruned,omitempty"`
	Checked bool      `json:"checked,omitempty"` // its contents were read
	Fault   string    `json:"fault,omitempty"`
	Wounds  []Wound   `json:"wounds,omitempty"` // files of the backup that are not as they were
}

// Wound is a file of a backup that is missing or changed.
type Wound struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Generations lists the backups of p, the newest first: those that lie in the
// pack, and those that a revert would need and that are not there. Of their files it
// looks at presence and size.
func Generations(ctx context.Context, p *pack.Pack) ([]Generation, error) {
	return generations(ctx, p, false)
}

// CheckGenerations is Generations that reads every file of them as well.
func CheckGenerations(ctx context.Context, p *pack.Pack) ([]Generation, error) {
	return generations(ctx, p, true)
}

func generations(ctx context.Context, p *pack.Pack, read bool) ([]Generation, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	numbers, err := generationsThere(p.Root(), s)
	if err != nil {
		return nil, err
	}
	stands, lost := map[int]bool{}, false
	for _, e := range standing(s) {
		if stands[e.Generation] = true; e.Generation > 0 && !slices.Contains(numbers, e.Generation) {
			numbers, lost = append(numbers, e.Generation), true
		}
	}
	l := &lister{p: p, s: s, read: read}
	if lost {
		if l.pruned, err = prunedOnes(p); err != nil {
			return nil, err
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	out := make([]Generation, 0, len(numbers))
	for _, n := range numbers {
		g, err := l.at(ctx, n)
		if err != nil {
			return nil, err
		}
		g.Reverts = stands[n] && !g.Pruned
		out = append(out, g)
	}
	return out, nil
}

// prunedOnes are the generations that were removed because older ones are not kept, as
// the audit log has it.
func prunedOnes(p *pack.Pack) (map[int]bool, error) {
	out := map[int]bool{}
	err := p.AuditEvents("pruned", func(fields map[string]any) {
		if n, ok := fields["generation"].(float64); ok {
			out[int(n)] = true
		}
	})
	return out, err
}

// generationsThere are the numbers of the generations in the pack that a finished
// run made, in their order.
func generationsThere(root *rootfs.Root, s pack.State) (out []int, err error) {
	list, err := root.ReadDir(backupTop)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range list {
		n, nerr := strconv.Atoi(e.Name())
		if nerr == nil && n > 0 && n <= s.Generation && generationDir(n) == backupTop+"/"+e.Name() && e.IsDir() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, err
}

// lister looks at generations one by one.
type lister struct {
	p      *pack.Pack
	s      pack.State
	read   bool
	pruned map[int]bool
}

func (l *lister) at(ctx context.Context, n int) (Generation, error) {
	g := Generation{Number: n, Dir: l.p.Root().Full(generationDir(n))}
	for _, e := range l.s.History {
		if e.Generation == n {
			g.Kind, g.From, g.To, g.Hotfix, g.Time = e.Kind, e.From, e.To, e.Hotfix, e.Time
		}
	}
	h, ops, err := readRecord(l.p.Root(), generationDir(n)+"/"+backupRecord, recordBackup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if g.Pruned = l.pruned[n]; !g.Pruned {
			g.Fault = isMissing
		}
		return g, nil
	case err != nil:
		g.Fault = err.Error()
		return g, nil
	}
	g.Kind, g.From, g.To, g.Hotfix = h.Kind, h.From, h.To, h.Hotfix
	for i := range ops {
		if ops[i].movesAway() {
			g.Files++
			g.Bytes += ops[i].Before.Size
		}
	}
	return g, l.look(ctx, &g, &h, ops)
}

// look compares the generation's files with its record.
func (l *lister) look(ctx context.Context, g *Generation, h *head, ops []op) error {
	pl := &Plan{}
	pl.head.Reverts = g.Number
	if h.Outside != "" {
		g.Dir = h.Outside
		pl.source = &outsideSource{h.Outside}
	}
	root, name, closeRoot, err := pl.openBackup(l.p)
	if err != nil {
		g.Fault = "its folder is missing, or not mounted"
		return nil
	}
	defer closeRoot()
	look := seemsWhole
	if g.Checked = l.read; l.read {
		look = entryNow
	}
	bad, err := badOnes(ctx, ops, look, root, name, Options{}.withDefaults().Jobs)
	if err != nil {
		return denied(err)
	}
	for i, why := range bad {
		if why != "" {
			g.Wounds = append(g.Wounds, Wound{ops[i].Path, why})
		}
	}
	if n := len(g.Wounds); n > 0 {
		g.Fault = count.Are(n, "file") + " missing or changed"
	}
	return nil
}

// seemsWhole is entryNow as far as that costs no reading.
func seemsWhole(root *rootfs.Root, name string) (*manifest.Entry, error) {
	e, _, err := lookAt(root, name)
	return e, err
}

// lostGeneration says why the backup that takes e back is not there.
func lostGeneration(p *pack.Pack, e pack.Event, err error) error {
	f := fault.New(fault.Differs, "cannot revert: the backup %s is missing: %w", p.Root().Full(generationDir(e.Generation)), err)
	if pruned, logErr := prunedOnes(p); logErr == nil && pruned[e.Generation] {
		return f.WithHint("it was pruned, as older ones are not kept: %s shows where a revert leads; else restore the pack from a copy of your own", typed.Import("backup list"))
	}
	return f.WithHint("put the backup back as it was, then run the same command again")
}

// prunedPrefix begins the name of a generation that is being removed: from the
// rename on it is no backup any more, and what is left of it goes with the next run.
const prunedPrefix = "pruned-"

// Prune removes the generations that are older than the keep newest ones that a
// revert can lead through. Each goes as a whole: ended anywhere, it is a complete
// backup or none, and Recover removes what is left. One whose folder outside
// the pack cannot be reached stays, and is warned of. The caller holds the lock
// and has called Recover. It gives the numbers of those removed.
func Prune(p *pack.Pack, keep int, log *slog.Logger) (gone []int, err error) {
	if keep < 1 {
		return nil, fault.New(fault.Usage, "at least one backup has to be kept, not %d", keep).WithHint("give --keep-backups 1 or more")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	oldest := oldestKept(s, keep)
	numbers, err := generationsThere(p.Root(), s)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if n >= oldest {
			break
		}
		done, err := pruneOne(p, n, log)
		if err != nil {
			return gone, spaceOr(err)
		}
		if done {
			gone = append(gone, n)
		}
	}
	return gone, nil
}

// oldestKept is the number of the keep-th newest generation that a revert can lead
// through, 0 where there are no more.
func oldestKept(s pack.State, keep int) int {
	stack := standing(s)
	for i := len(stack) - 1; i >= 0; i-- {
		if stack[i].Generation == 0 {
			continue
		}
		if keep--; keep == 0 {
			return stack[i].Generation
		}
	}
	return 0
}

func pruneOne(p *pack.Pack, n int, log *slog.Logger) (bool, error) {
	dir := generationDir(n)
	h, _, err := readRecord(p.Root(), dir+"/"+backupRecord, recordBackup)
	if err == nil && h.Outside != "" {
		if out, err := rootfs.Open(h.Outside); err != nil {
			log.Warn("a backup outside the pack cannot be reached, and stays", "generation", n, "folder", h.Outside, "error", err)
			return false, nil
		} else if err := out.Close(); err != nil {
			return false, err
		}
	}
	name := fmt.Sprintf("%s/%s%06d", backupTop, prunedPrefix, n)
	if err := p.Root().Rename(dir, name); err != nil {
		return false, err
	}
	if err := p.Root().SyncDir(backupTop); err != nil {
		return false, err
	}
	log.Info("backup pruned", "generation", n)
	return true, dropPruned(p, name, n, log)
}

// dropPruned tells the audit log of a pruned generation and removes what it has,
// outside the pack first: its record is the proof that the folder there is the pack's.
func dropPruned(p *pack.Pack, name string, n int, log *slog.Logger) error {
	if err := p.AuditOnce("pruned", map[string]any{"generation": n}); err != nil {
		return err
	}
	root := p.Root()
	h, _, err := readRecord(root, name+"/"+backupRecord, recordBackup)
	if err == nil && h.Generation == n && h.Outside != "" && isOutside(h.Outside, n, h.Txn) {
		if err := dropOwn(root, name+"/"+backupRecord, h.Outside); err != nil {
			leftOutside(log, h.Outside, err)
		}
	}
	if err := root.RemoveAll(name + "/" + treeDir); err != nil { // the record goes last
		return err
	}
	return root.RemoveAll(name)
}

// sweepPruned ends the removal of generations that was cut off.
func sweepPruned(p *pack.Pack, log *slog.Logger) error {
	list, err := p.Root().ReadDir(backupTop)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		digits, ok := strings.CutPrefix(e.Name(), prunedPrefix)
		n, nerr := strconv.Atoi(digits)
		if err != nil || !ok || nerr != nil || generationDir(n) != backupTop+"/"+digits {
			continue
		}
		err = dropPruned(p, backupTop+"/"+e.Name(), n, log)
	}
	return err
}
