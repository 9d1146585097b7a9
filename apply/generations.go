package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// Generation is one transaction's backup. Fault is empty where its record and its
// folder are there; that its files are as they were only a revert looks at.
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
	Fault   string    `json:"fault,omitempty"`
}

// Generations lists the backups of p, the newest first: those that lie in the
// pack, and those that a revert would need and that are not there.
func Generations(p *pack.Pack) ([]Generation, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	numbers, err := generationsThere(p.Root(), s)
	if err != nil {
		return nil, err
	}
	stands := map[int]bool{}
	for _, e := range standing(s) {
		if stands[e.Generation] = true; e.Generation > 0 && !slices.Contains(numbers, e.Generation) {
			numbers = append(numbers, e.Generation)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	out := make([]Generation, 0, len(numbers))
	for _, n := range numbers {
		g := generationAt(p, s, n)
		g.Reverts = stands[n]
		out = append(out, g)
	}
	return out, nil
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

func generationAt(p *pack.Pack, s pack.State, n int) Generation {
	g := Generation{Number: n, Dir: p.Root().Full(generationDir(n))}
	for _, e := range s.History {
		if e.Generation == n {
			g.Kind, g.From, g.To, g.Hotfix, g.Time = e.Kind, e.From, e.To, e.Hotfix, e.Time
		}
	}
	h, ops, err := readRecord(p.Root(), generationDir(n)+"/"+backupRecord, recordBackup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		g.Fault = "missing"
		return g
	case err != nil:
		g.Fault = err.Error()
		return g
	}
	g.Kind, g.From, g.To, g.Hotfix = h.Kind, h.From, h.To, h.Hotfix
	for i := range ops {
		if ops[i].movesAway() {
			g.Files++
			g.Bytes += ops[i].Before.Size
		}
	}
	if h.Outside == "" {
		return g
	}
	g.Dir = h.Outside
	if out, err := rootfs.Open(h.Outside); err != nil {
		g.Fault = "its folder is missing, or not mounted"
	} else {
		out.Close()
	}
	return g
}

// lostGeneration says why the backup that takes e back is not there.
func lostGeneration(p *pack.Pack, s pack.State, e pack.Event, err error) error {
	f := fault.New(fault.Differs, "cannot revert: the backup %s is missing: %w", p.Root().Full(generationDir(e.Generation)), err)
	there, listErr := generationsThere(p.Root(), s)
	if c, cfgErr := p.Config(); listErr == nil && cfgErr == nil && c.KeepBackups > 0 && (len(there) == 0 || there[0] > e.Generation) {
		return f.WithHint("older backups are pruned here (the %d newest are kept): packlift-import backup list", c.KeepBackups)
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
