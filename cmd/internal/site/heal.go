package site

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

const healLong = `Put files right that differ from the signed manifest of the pack's level. The contents
come from BUNDLE: a full one holds every file, an update those that it changed. What is missing is put back. What
is changed may be customized: it is listed and stays, unless --replace names it; the old file goes into a backup.
What an update merged or left by a decision stays as well, and what is preserved takes --replace with its very path.
Files that the product does not know are never touched. Ends with 17 while something still differs.
A pack that no update has touched takes the signed manifest of its level from BUNDLE: a full one of that level,
or one that starts there.`

type healFlags struct {
	apply   applyFlags
	replace globs
}

// globs are patterns of paths.
type globs []string

// Set adds a pattern.
func (g *globs) Set(s string) error {
	if _, err := path.Match(s, ""); err != nil || s == "" {
		return errors.New("use a pattern such as 'lib/*.jar', a path, or '**' for all")
	}
	*g = append(*g, slashed(s))
	return nil
}

func (g *globs) String() string { return strings.Join(*g, " ") }

// Type is the word that usage shows.
func (g *globs) Type() string { return "GLOB" }

// Names: a pattern is the path itself.
func (g *globs) Names(p string) bool { return slices.Contains(*g, p) }

// Matches: a pattern is of the whole path, or without a slash of its last element; a
// folder's name stands for all in it, ** for everything.
func (g *globs) Matches(p string) bool {
	for _, pattern := range *g {
		if pattern == "**" || strings.HasPrefix(p, strings.TrimSuffix(pattern, "/")+"/") {
			return true
		}
		name := p
		if !strings.Contains(pattern, "/") {
			name = path.Base(p)
		}
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// agreed notes which patterns met a path.
type agreed struct {
	globs
	met map[string]bool
}

// Names notes the pattern that is the path.
func (a *agreed) Names(p string) bool {
	ok := a.globs.Names(p)
	a.met[p] = a.met[p] || ok
	return ok
}

// Matches notes each pattern that fits.
func (a *agreed) Matches(p string) (ok bool) {
	for _, g := range a.globs {
		if (&globs{g}).Matches(p) {
			a.met[g], ok = true, true
		}
	}
	return ok
}

// warn tells of patterns that met none, mistyped ones, say.
func (a *agreed) warn(s *session) {
	for _, g := range a.globs {
		if !a.met[g] {
			s.log.Warn("--replace replaces nothing: no changed file matches", "glob", typed.Word(g))
		}
	}
}

func heal(c *cli.Console) *cobra.Command {
	h := &healFlags{apply: applyFlags{selfUpdate: cli.NewChoice("never", "never")}}
	cmd := &cobra.Command{
		Use: "heal BUNDLE", Short: "Put damaged files right", Long: healLong,
		Example:           "  packlift-import heal /media/stick/acme-2.1.0-0010-0010.packlift --replace 'lib/*.jar'",
		Args:              func(cmd *cobra.Command, args []string) error { return h.apply.checkArgs(args) },
		ValidArgsFunction: common.CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return h.run(cmd.Context(), c, args[0]) },
	}
	h.flags(cmd.Flags())
	return cmd
}

func (h *healFlags) flags(f *pflag.FlagSet) {
	a := &h.apply
	f.StringArrayVarP(&a.identities, "identity", "i", nil, "open the bundle with this `FILE` (repeatable; default: ~/.packlift/identity)")
	f.Var(&h.replace, "replace", "put changed files right as well whose path fits (repeatable; '**' for all)")
	f.BoolVar(&a.yes, "yes", false, "go on although a tree that no update has touched differs much from its level")
	f.StringVarP(&a.backup, "backup", "b", "", "keep backups in `DIR`, outside the pack; remembered for later runs")
	f.Var(&a.maxAge, "max-age", "refuse a bundle made longer ago than this")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	a.window.runningFlags(f)
	a.window.hookFlags(f)
	a.write.dryRunFlag(f)
	a.write.Flags(f)
}

func (h *healFlags) run(ctx context.Context, c *cli.Console, name string) (err error) {
	in, err := common.OpenBundle(ctx, c, name)
	if err != nil {
		return err
	}
	defer in.Close()
	h.apply.opens(in)
	s, err := h.apply.write.begin(ctx, c, "heal")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	return s.where(ctx, h.apply.noteRefusal(s, in.Path, common.WithHint(in.Path, h.heal(ctx, s, in))))
}

func (h *healFlags) heal(ctx context.Context, s *session, in *common.Bundle) error {
	b, err := h.apply.verify(ctx, s, in)
	if err != nil {
		return err
	}
	ids, err := common.Identities(ctx, s.c, h.apply.identities)
	if err != nil {
		return err
	}
	o := h.apply.options(ids)
	s.logs(&o)
	agreed := &agreed{globs: h.replace, met: map[string]bool{}}
	plan, err := apply.NewHeal(ctx, s.Pack, b, agreed, o)
	if err != nil {
		return h.apply.explain(err)
	}
	agreed.warn(s)
	if err := plan.CheckBase(); err != nil {
		return err
	}
	h.say(s.c, plan)
	if err := refuseConflicts(s.c, plan.Plan); err != nil {
		return err
	}
	if err := plan.CheckSpace(); err != nil || h.apply.write.dryRun {
		return errors.Join(err, plan.Err())
	}
	if plan.Nothing() && (plan.Adopts() || plan.Restores()) {
		return h.commit(ctx, s, b, plan, o) // no file is changed, so there is no window
	}
	if plan.Nothing() {
		return sayNothingToHeal(s, plan)
	}
	return h.apply.window.around(ctx, s, plan.Plan, o, func() error { return h.commit(ctx, s, b, plan, o) })
}

func sayNothingToHeal(s *session, plan *apply.Healing) error {
	if err := plan.Err(); err != nil {
		return err
	}
	s.c.Result("healed", map[string]any{"level": plan.To, "healed": []string{}}, sayAllRight(plan))
	return nil
}

func sayAllRight(plan *apply.Healing) string {
	if len(plan.Known) > 0 {
		return "nothing to put right: what differs from the manifest is known to"
	}
	return "nothing to put right: all is as the manifest says"
}

func (h *healFlags) say(c *cli.Console, plan *apply.Healing) {
	if h.apply.write.dryRun {
		sayPlan(c, plan.Plan)
	}
	for _, x := range plan.Changed {
		c.Data("changed", x, fmt.Sprintf("stays    %s: %s", cli.Clean(x.Path), x.Reason))
	}
	for _, x := range plan.Known {
		c.Data("known", x, fmt.Sprintf("%-8s %s: %s; stays", x.As, cli.Clean(x.Path), x.Reason))
	}
	for _, x := range plan.Lacking {
		c.Data("lacking", x, fmt.Sprintf("lacking  %s: %s", cli.Clean(x.Path), x.Reason))
	}
}

func (h *healFlags) commit(ctx context.Context, s *session, b *verify.Bundle, plan *apply.Healing, o apply.Options) error {
	show := common.Stages{Console: s.c}
	o.Progress = func(done, total int64) { show.At("heal", done, total) }
	r, err := apply.RunHeal(ctx, s.Pack, b, plan, o)
	show.Done()
	if err != nil {
		return h.apply.explain(err)
	}
	s.c.Changed()
	healed := append(append([]string{}, plan.Added...), plan.Modified...)
	text := fmt.Sprintf("%s put right on level %s", cli.Count(len(healed), "file"), pack.LevelName(r.To))
	if plan.Adopts() {
		text += "; its signed manifest, which the bundle brought, is known from now on"
	}
	if plan.Restores() {
		text += "; the signed manifest that was lost is back"
	}
	for _, p := range healed {
		text += "\n  " + cli.Clean(p)
	}
	if r.Backup != "" {
		text += "\nbackup:    " + r.Backup
	}
	s.c.Result("healed", map[string]any{"level": r.To, "healed": healed, "backup": r.Backup}, text)
	if err := plan.Err(); err != nil {
		return fault.New(fault.Differs, "%w", err).WithHint("%s", fault.HintOf(err))
	}
	return nil
}
