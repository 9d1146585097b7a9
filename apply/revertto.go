package apply

import (
	"context"
	"fmt"
	"slices"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

// Goal is how far back a revert leads: to a level, or, with Generation above 0, to
// before the transaction that made that generation.
type Goal struct {
	Level      int
	Generation int
}

// Step is one change of the pack that a revert takes back.
type Step struct {
	event pack.Event
}

// To is the level that the step leads back to.
func (s Step) To() int { return s.event.From }

// Name says what the step takes back, such as "update from level 3 to 10".
func (s Step) Name() string { return eventName(s.event) }

// NewestStep is what a plain revert takes back; its hotfix number is 0 where that
// is no hotfix.
func NewestStep(p *pack.Pack) (step Step, hotfix int, err error) {
	s, err := p.State()
	if err != nil {
		return Step{}, 0, err
	}
	e, err := newest(s)
	return Step{e}, e.Hotfix, err
}

// StepsTo lists what has to be taken back to come to goal, the newest first; none
// where the pack is there. A goal that no backup leads to is refused.
func StepsTo(p *pack.Pack, goal Goal) ([]Step, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	stack := standing(s)
	n, err := goal.depth(s, stack)
	if err != nil {
		return nil, err
	}
	var out []Step
	for i := range n {
		e := stack[len(stack)-1-i]
		if err := hasBackup(e); err != nil {
			return nil, err
		}
		out = append(out, Step{e})
	}
	return out, nil
}

// depth is how many of the stack's newest events have to go.
func (g Goal) depth(s pack.State, stack []pack.Event) (int, error) {
	if g.Generation > 0 {
		for n := 1; n <= len(stack); n++ {
			if stack[len(stack)-n].Generation == g.Generation {
				return n, nil
			}
		}
		return 0, fault.New(fault.WrongLevel, "no revert leads through generation %d", g.Generation).
			WithHint("%s shows those that one leads through", typed.Import("backup list"))
	}
	level := s.Level
	for n := 0; n <= len(stack); n++ {
		if n > 0 {
			level = stack[len(stack)-n].From
		}
		onHotfix := n < len(stack) && stack[len(stack)-n-1].Kind == kindHotfix
		if level == g.Level && !onHotfix { // the level as it came, less its hotfixes
			return n, nil
		}
	}
	return 0, fault.New(fault.WrongLevel, "no revert leads to level %s from level %s", levelName(g.Level), levelName(s.Level)).
		WithHint("%s shows where one leads to", typed.Import("backup list"))
}

// CheckSteps looks at every step before the first one is taken: each backup is
// checked whole against its own manifest, and files in the way of any step are the
// Conflicts of the plan that it returns, which is for looking at alone.
func CheckSteps(ctx context.Context, p *pack.Pack, steps []Step, o Options) (*Plan, error) {
	o = o.withDefaults()
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	all := &combined{at: map[string]int{}, passing: map[string]bool{}}
	pl := &Plan{Kind: kindRevert, Product: s.Product, Version: s.Version, From: s.Level, To: s.Level}
	for _, step := range steps {
		at := s
		at.Level = step.event.To
		h, ops, err := readBackup(p, at, step.event)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.Name(), err)
		}
		one, err := revertPlan(p, at, h, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.Name(), err)
		}
		if err := one.checkBackup(ctx, p, ops, o.Jobs); err != nil {
			return nil, fmt.Errorf("%s: %w", step.Name(), denied(err))
		}
		all.add(reversed(ops))
		pl.To = step.To()
	}
	d := newDecider(p.Root(), kindRevert, all.changes)
	if d.preserve, err = p.Preserve(); err != nil {
		return nil, err
	}
	if err := d.run(ctx, o.Jobs); err != nil {
		return nil, denied(err)
	}
	pl.ops = slices.DeleteFunc(d.ops, func(o op) bool { return all.passing[o.Path] })
	for _, name := range all.twice {
		d.conflict(stepwise, name, "comes back with two of the steps")
	}
	pl.found(d)
	pl.sort()
	pl.list()
	return pl, nil
}

// combined is what several reverts do to each path, one after the other. passing
// are paths that come with one step and go with a later one.
type combined struct {
	changes []manifest.Change
	at      map[string]int
	passing map[string]bool
	twice   []string // F.final that two of the steps bring back
}

func (c *combined) add(next []manifest.Change) {
	for _, x := range next {
		if i, ok := c.at[x.Path]; ok {
			if c.changes[i].New != nil && x.Old == nil && x.New != nil {
				c.twice = append(c.twice, x.Path)
			}
			if c.passing[x.Path] = c.changes[i].Old == nil && x.New == nil; !c.passing[x.Path] {
				c.changes[i].New = x.New
			}
			continue
		}
		c.at[x.Path] = len(c.changes)
		c.changes = append(c.changes, x)
	}
}

// NewRevertStep is NewRevert of one of the steps, which has to be the newest by now.
func NewRevertStep(ctx context.Context, p *pack.Pack, step Step, o Options) (*Plan, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	e, err := newest(s)
	if err != nil {
		return nil, err
	}
	if e.Generation != step.event.Generation {
		return nil, fault.New(fault.General, "the pack changed since the revert was planned")
	}
	return planRevert(ctx, p, s, e, o.withDefaults())
}
