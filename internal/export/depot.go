package export

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"packlift/internal/depot"
	"packlift/internal/fault"
)

// fromDepot fills in the trees, the levels between and the advisories from the
// depot. End 0 is the newest level that the channel offers.
func (o *CreateOptions) fromDepot(ctx context.Context) error {
	if o.From != "" || o.To != "" || len(o.Between) > 0 {
		return fault.New(fault.Usage, "levels come from a depot or from trees, not from both").WithHint("leave --from, --to and --between out, or --depot")
	}
	offered := o.View.Index.Offered(o.Channel)
	if len(offered) == 0 {
		return fault.New(fault.WrongLevel, "the depot offers no level of %s in channel %s", depot.Folder(o.Product, o.Version), o.Channel).
			WithHint("%s", channelsHint(&o.View.Index))
	}
	if o.End == 0 {
		o.End = offered[len(offered)-1].Level
	}
	o.To = o.treeName(o.End)
	if !slices.ContainsFunc(offered, func(l depot.Level) bool { return l.Level == o.End }) {
		return NoLevel(o.View, o.Channel, o.End)
	}
	if len(o.Sites) > 0 {
		var err error
		if o.assumed, err = o.forSites(ctx); err != nil {
			return err
		}
	}
	if o.Start != NoStart {
		if _, ok := o.View.Index.Find(o.Start); !ok {
			return NoLevel(o.View, depot.FullChannel, o.Start)
		}
		o.From = o.treeName(o.Start)
	}
	if o.EveryLevel {
		o.everyLevel(offered)
	}
	return o.readAdvisories(ctx)
}

// NoStart is the Start of a full bundle from a depot.
const NoStart = -1

func (o *CreateOptions) treeName(level int) string {
	return fmt.Sprintf("%s level %d of the depot", depot.Folder(o.Product, o.Version), level)
}

func (o *CreateOptions) everyLevel(offered []depot.Level) {
	for _, l := range offered {
		if l.Level > o.Start && l.Level < o.End && o.From != "" {
			o.Between = append(o.Between, Stop{l.Level, o.treeName(l.Level)})
		}
	}
}

func (o *CreateOptions) readAdvisories(ctx context.Context) error {
	for _, l := range o.View.Index.Levels {
		if l.Level > o.End || o.From != "" && l.Level <= o.Start {
			continue
		}
		a, err := o.View.Advisory(ctx, l)
		if err != nil {
			return err
		}
		o.Advisories = append(o.Advisories, a)
	}
	return nil
}

// NoLevel says which levels a depot has, where one is asked for that it does
// not offer.
func NoLevel(v *depot.View, channel string, level int) error {
	offered := v.Index.Offered(channel)
	names := make([]string, len(offered))
	for i, l := range offered {
		names[i] = fmt.Sprint(l.Level)
	}
	what := fmt.Sprintf("the depot has no level %d of %s", level, depot.Folder(v.Index.Product, v.Index.Version))
	switch l, ok := v.Index.Find(level); {
	case len(offered) == 0:
		return fault.New(fault.WrongLevel, "the depot offers no level of %s in channel %s", depot.Folder(v.Index.Product, v.Index.Version), channel).
			WithHint("%s", channelsHint(&v.Index))
	case ok:
		what = fmt.Sprintf("level %d is of channel %s, and channel %s does not offer it", level, l.Channel, channel)
	}
	return fault.New(fault.WrongLevel, "%s; the levels there are %s", what, strings.Join(names, ", ")).WithHint("%s", missingRange(v, offered, level))
}

// missingRange says what a depot lacks for a level, and the command that makes it.
func missingRange(v *depot.View, offered []depot.Level, level int) string {
	if l, ok := v.Index.Find(level); ok {
		other := ""
		if l.Channel != depot.FullChannel {
			other = " or --channel " + l.Channel
		}
		return fmt.Sprintf("choose one of these, or --channel %s%s, which offers it", depot.FullChannel, other)
	}
	product := depot.Folder(v.Index.Product, v.Index.Version)
	n := slices.IndexFunc(offered, func(l depot.Level) bool { return l.Level > level })
	if n < 0 {
		newest := offered[len(offered)-1].Level
		return fmt.Sprintf("what leads from level %d to %d is missing: packlift-export publish TREE --product %s --depot DIR --level %d adds it; or be content with level %d",
			newest, level, product, level, newest)
	}
	way := fmt.Sprintf("what leads from level %d to %d is missing: packlift-export create-update --from TREE-%d --to TREE-%d --product %s -s %d -e %d makes it, the depot goes on from there",
		level, offered[n].Level, level, offered[n].Level, product, level, offered[n].Level)
	if n == 0 {
		return way
	}
	return fmt.Sprintf("%s; or choose level %d or %d", way, offered[n-1].Level, offered[n].Level)
}

func channelsHint(x *depot.Index) string {
	names := []string{depot.FullChannel}
	for _, l := range x.Levels {
		names = append(names, l.Channel)
	}
	slices.Sort(names)
	return "its channels: " + strings.Join(slices.Compact(names), ", ")
}
