package apply

import (
	"context"
	"sort"

	"packlift/bundle"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

// Conflict is a path that this site changed and the run would change too.
type Conflict struct {
	Path   string   `json:"path"`
	Reason string   `json:"reason"`
	Decide []string `json:"decide,omitempty"` // what can decide it here: ByFinal, ByOurs, ByTheirs
}

// What decides a conflict: F.final, --ours, --theirs; without a user, a merge. Gone:
// the site's file is the original again.
const (
	ByFinal  = "final"
	ByOurs   = "ours"
	ByTheirs = "theirs"
	ByMerge  = "merged"
	Gone     = "gone"
)

// Plan is what a run will do. NewPlan and NewRevert make it; they only read.
// Added, Modified and Removed name files and links, sorted.
type Plan struct {
	Product   string     `json:"product"`
	Version   string     `json:"version"`
	Kind      string     `json:"kind"` // update, full or revert
	From      int        `json:"from"` // -1: the pack holds nothing yet
	To        int        `json:"to"`
	Added     []string   `json:"added"`
	Modified  []string   `json:"modified"`
	Removed   []string   `json:"removed"`
	Kept      []string   `json:"kept,omitempty"`      // folders the target lacks that hold files of the site's own
	Merged    []string   `json:"merged,omitempty"`    // customized texts that take the update's changes in
	Ours      []string   `json:"ours,omitempty"`      // customized paths that stay as they are, as was decided
	Preserved []string   `json:"preserved,omitempty"` // paths that the update changed and that stay, for they are preserved
	Finals    []string   `json:"finals,omitempty"`    // revert: the F.final that the update took, and that lie beside F again
	Conflicts []Conflict `json:"conflicts,omitempty"`
	Different []Conflict `json:"different,omitempty"` // first signed bundle only: where the tree is not the level it is said to hold
	Space     []Space    `json:"space"`
	Backup    string     `json:"backup,omitempty"` // folder of the backup; empty: none
	Write     int64      `json:"write"`            // bytes of new content

	ops      []op
	head     head
	before   pack.State
	after    pack.State
	base     *manifest.Manifest // what a first bundle says of the level it starts from, else nil
	target   *manifest.Manifest // nil in a revert
	restored *manifest.Manifest // heal: the pack's own that it had lost, else nil
	outside  string             // folder that the outside backup's generations lie in
	local    map[string]bool    // paths whose old file is copied into the pack's backup: it lies on another volume
	treeAway bool               // the pack's backups lie on another volume than its stage
	source   *outsideSource     // revert: where an outside backup lies
	reserve  reserve
	bases    map[manifest.Digest]string // where in the pack the contents lie that deltas are told from
	held     map[manifest.Digest]string // contents that the pack holds already, at these paths, and whose bases are gone
	ways     *chain                     // how what is not in the pack is made; nil where nothing is
	lying    map[string]bool            // paths whose content is staged already
	cache    *baseCache                 // nil once all is staged
	largest  largest
	first    firstContact
	remedies remedies
	choices  *choices // nil in a revert
	other    bool     // no decision makes this bundle do: another one is wanted

	customized []byte // what is to be known of files that the run leaves other than the target says
}

// Kinds of plans and of history events.
const (
	kindUpdate = "update"
	kindFull   = "full"
	kindRevert = "revert"
	kindHotfix = "hotfix"
	kindHeal   = "heal"
)

var kindNames = []string{kindUpdate, kindFull, kindRevert, kindHotfix, kindHeal}

// NewPlan compares the pack with what the bundle brings. It returns an error
// where the bundle does not fit the pack (see Fit); files in the way are not an
// error but the plan's Conflicts.
func NewPlan(ctx context.Context, p *pack.Pack, b *verify.Bundle, o Options) (*Plan, error) {
	fit, err := Fit(p, b, o.Level)
	if err != nil {
		return nil, err
	}
	levels, err := b.Levels(o.Identities, fit.From, fit.To)
	if err != nil {
		return nil, err
	}
	o.open = payloadOf(b, o)
	return planUpdate(ctx, p, b.Info(), fit, levels, o)
}

func planUpdate(ctx context.Context, p *pack.Pack, info *bundle.Info, fit FitResult, levels *verify.Levels, o Options) (*Plan, error) {
	state, err := p.State()
	if err != nil {
		return nil, err
	}
	target := levels.At(fit.To)
	pl := newPlan(p, state, info, fit, target)
	if fit.AlreadyThere {
		return pl, nil
	}
	base := levels.Base
	if base != nil && info.Kind == bundle.Update {
		base = levels.At(fit.From)
	}
	base, err = installed(p, state, base)
	if err != nil {
		return nil, err
	}
	first := state.Manifest.IsZero() && base != nil
	if first {
		pl.base, pl.head.Base = base, base.Digest()
	}
	contents := newContentIndex(levels.Contents)
	if pl.choices, err = newChoices(p, contents, o); err != nil {
		return nil, err
	}
	if pl.cache, err = cacheFor(p.Root(), contents, o); err != nil {
		return nil, err
	}
	if pl.cache != nil && len(levels.Contents) > 0 {
		o.Payload.begin()
	}
	if err := pl.fill(ctx, p, manifest.Compare(base, target), o.withDefaults()); err != nil {
		return nil, err
	}
	if base != nil {
		if err := pl.findWays(ctx, p.Root(), base, contents, o.withDefaults().Jobs); err != nil {
			return nil, denied(err)
		}
		sort.Slice(pl.Conflicts, func(i, j int) bool { return pl.Conflicts[i].Path < pl.Conflicts[j].Path })
	}
	if err := pl.customize(p); err != nil {
		return nil, err
	}
	if err := pl.measure(p, o.withDefaults()); err != nil {
		return nil, err
	}
	if first {
		if err := pl.meet(ctx, p, base, o.withDefaults()); err != nil {
			return nil, err
		}
	}
	if o.Template != "" && !o.NoChangelog { // refused here, not after all is staged
		if _, err := pack.RenderTemplate(o.Template, pl.Added, pl.Modified, pl.Removed); err != nil {
			return nil, err
		}
	}
	return pl, nil
}

// installed is the base that "customized" is judged by: the signed manifest
// the pack was brought to, else the bundle's.
func installed(p *pack.Pack, s pack.State, base *manifest.Manifest) (*manifest.Manifest, error) {
	if s.Manifest.IsZero() {
		return base, nil
	}
	if base != nil && base.Digest() == s.Manifest {
		return base, nil
	}
	return p.Manifest(s.Manifest)
}

// fill decides every change and assigns the places of what they need.
func (pl *Plan) fill(ctx context.Context, p *pack.Pack, changes []manifest.Change, o Options) error {
	if len(changes) > MaxOps {
		return fault.New(fault.General, "%d paths change; the most is %d", len(changes), MaxOps)
	}
	d := newDecider(p.Root(), pl.Kind, changes)
	d.choices, d.cache = pl.choices, pl.cache
	if pl.Kind == kindRevert {
		var err error
		if d.preserve, err = p.Preserve(); err != nil {
			return err
		}
	}
	if err := d.run(ctx, o.Jobs); err != nil {
		return denied(err)
	}
	pl.ops = d.ops
	pl.found(d)
	pl.chosen()
	pl.sort()
	pl.list()
	if err := pl.assign(p, o); err != nil {
		return err
	}
	return pl.findStaged(p.Root())
}

func (pl *Plan) list() {
	pl.Added, pl.Modified, pl.Removed, pl.Write = []string{}, []string{}, []string{}, 0 // [] in JSON, not null
	for i := range pl.ops {
		o := &pl.ops[i]
		if o.needsNew() {
			pl.Write += o.After.Size
		}
		if o.helper {
			continue
		}
		switch b, a := isLeaf(o.Before), isLeaf(o.After); {
		case b && a:
			pl.Modified = append(pl.Modified, o.Path)
		case a:
			pl.Added = append(pl.Added, o.Path)
		case b:
			pl.Removed = append(pl.Removed, o.Path)
		}
	}
}

// refuse turns conflicts into the error that a caller ends with.
func (pl *Plan) refuse() error {
	if len(pl.Conflicts) == 0 {
		return nil
	}
	c := pl.Conflicts[0]
	return fault.New(fault.Conflict, "%s in the way, the first is %q: %s", count.Are(len(pl.Conflicts), "file"), c.Path, c.Reason).
		WithHint("%s; then run the same command again", pl.Remedy())
}

// hasChangelog: only what brings new content is told in a changelog.
func (pl *Plan) hasChangelog(o Options) bool {
	return !o.NoChangelog && pl.Kind != kindRevert && pl.Kind != kindHeal
}

func (pl *Plan) sort() {
	sort.Slice(pl.ops, func(i, j int) bool { return pl.ops[i].Path < pl.ops[j].Path })
	sort.Slice(pl.Conflicts, func(i, j int) bool { return pl.Conflicts[i].Path < pl.Conflicts[j].Path })
	sort.Strings(pl.Kept)
}
