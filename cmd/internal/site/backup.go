package site

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

// keepFlag is --keep-backups.
type keepFlag struct {
	n     int
	isSet bool
}

func (k *keepFlag) add(f *pflag.FlagSet, usage string) { f.Var(k, "keep-backups", usage) }

// Set reads a whole number from 0.
func (k *keepFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n > math.MaxInt16 {
		return errors.New("use a number of backups, such as 5, or 0 to keep all")
	}
	*k = keepFlag{int(n), true}
	return nil
}

func (k *keepFlag) String() string {
	if !k.isSet {
		return ""
	}
	return strconv.Itoa(k.n)
}

// Type is the word that usage shows.
func (k *keepFlag) Type() string { return "N" }

func (k *keepFlag) given() *int {
	if !k.isSet {
		return nil
	}
	return &k.n
}

const backupLong = `Each update, hotfix and heal keeps the files that it replaced as a generation. A
revert leads back through them, the newest first (packlift-import revert --to).`

func backups(c *cli.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "backup", Short: "List and prune the backups", Long: backupLong, Args: cobra.NoArgs}
	cmd.AddCommand(backupList(c), backupPrune(c))
	return cmd
}

const listLong = `List the backups, the newest first, and where a revert through each leads. Whether its
files are there and have their sizes is looked at; --check reads them. One that was removed because older ones
are not kept (apply-update --keep-backups) is told as pruned.`

func backupList(c *cli.Console) *cobra.Command {
	var f packFlag
	var check bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the backups, the newest first", Long: listLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.openToRead(c)
			if err != nil {
				return err
			}
			defer p.Close()
			return sayGenerations(cmd.Context(), c, p, check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "read every file of the backups as well, and end with 17 if one is not as it was")
	f.Flags(cmd.Flags())
	return cmd
}

func sayGenerations(ctx context.Context, c *cli.Console, p *pack.Pack, check bool) error {
	look := apply.Generations
	if check {
		look = apply.CheckGenerations
	}
	list, err := look(ctx, p)
	if err != nil {
		return err
	}
	bad := 0
	for _, g := range list {
		if g.Fault != "" {
			bad++
		}
		c.Data("generation", g, generationText(g))
	}
	if len(list) == 0 && !c.JSON() {
		c.Result("", nil, "there are no backups")
	}
	if bad > 0 && check {
		return fault.New(fault.Differs, "%s not usable", count.Are(bad, "backup")).
			WithHint("put back what is named, from a copy of your own; a revert through such a backup is refused")
	}
	return nil
}

func generationText(g apply.Generation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "g%-4d %s  %-18s %s, %s  %s", g.Number, g.Time.Format("2006-01-02 15:04:05Z"),
		changeName(g.Kind, g.From, g.To, g.Hotfix), cli.Count(g.Files, "file"), cli.Bytes(g.Bytes), cli.Clean(g.Dir))
	switch {
	case g.Pruned:
		return fmt.Sprintf("g%-4d %s  %-18s pruned: older backups are not kept, and no revert leads through it", g.Number,
			g.Time.Format("2006-01-02 15:04:05Z"), changeName(g.Kind, g.From, g.To, g.Hotfix))
	case g.Fault != "":
		fmt.Fprintf(&b, "\n      NOT USABLE: %s", cli.Clean(g.Fault))
		for i, w := range g.Wounds {
			if i == maxNamed {
				fmt.Fprintf(&b, "\n        … %d more", len(g.Wounds)-i)
				break
			}
			fmt.Fprintf(&b, "\n        %s: %s", cli.Clean(w.Path), w.Reason)
		}
	case g.Checked && !g.Reverts:
		b.WriteString("\n      checked")
	case g.Reverts:
		fmt.Fprintf(&b, "\n      %s    leads to level %s", typed.Import(fmt.Sprintf("revert --to g%d", g.Number)), pack.LevelName(g.From))
		if g.Checked {
			b.WriteString("; checked")
		}
	}
	return b.String()
}

// changeName is how a change of a pack is written in a list.
func changeName(kind string, from, to, hotfix int) string {
	text := fmt.Sprintf("%s %s -> %s", kind, pack.LevelName(from), pack.LevelName(to))
	if hotfix > 0 {
		text += fmt.Sprintf(" hotfix %d", hotfix)
	}
	return text
}

const pruneLong = `Remove the backups that are older than the N newest ones that a revert can lead
through. Without --keep-backups N is the number that an update was told to keep. What is
removed is removed whole: ended anywhere, the next run removes what is left.`

func backupPrune(c *cli.Console) *cobra.Command {
	var w writeFlags
	var keep keepFlag
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove old backups", Long: pruneLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPrune(cmd.Context(), c, &w, &keep) },
	}
	keep.add(cmd.Flags(), "keep the `N` newest backups (default: the number that was given with an update)")
	w.Flags(cmd.Flags())
	return cmd
}

func runPrune(ctx context.Context, c *cli.Console, w *writeFlags, keep *keepFlag) (err error) {
	s, err := w.begin(ctx, c, "backup-prune")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	n := keep.n
	if !keep.isSet {
		cfg, err := s.Config()
		if err != nil {
			return err
		}
		n = cfg.KeepBackups
	}
	if n == 0 {
		return fault.New(fault.Usage, "how many backups are to be kept?").WithHint("give --keep-backups N; %s shows what there is", typed.Import("backup list"))
	}
	gone, err := apply.Prune(s.Pack, n, s.log)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		c.Changed()
	}
	c.Result("pruned", prunedBackups{gone, n}, fmt.Sprintf("%s removed; %s that a revert leads through", cli.Count(len(gone), "backup"), keptNewest(n)))
	return nil
}

func keptNewest(n int) string {
	return count.Verb(n, "the newest is", fmt.Sprintf("the %d newest are", n)) + " kept"
}

type prunedBackups struct {
	Removed []int `json:"removed"`
	Kept    int   `json:"kept"`
}

// pruneBackups removes what an update need not keep any more. The update is
// complete: what goes wrong here is a warning.
func (s *session) pruneBackups() {
	cfg, err := s.Config()
	if err != nil || cfg.KeepBackups == 0 {
		return
	}
	gone, err := apply.Prune(s.Pack, cfg.KeepBackups, s.log)
	if err != nil {
		s.log.Warn("old backups could not be removed", "error", err)
		return
	}
	for _, n := range gone {
		s.c.Note("backup g%d removed: %s", n, keptNewest(cfg.KeepBackups))
	}
}
