package export

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/version"
	"packlift/verify"
)

// DefaultMaxMemory is what creating a bundle may take, in bytes.
const DefaultMaxMemory = 1 << 30

// otherMemory is what a run takes beside the compressors: the program, the
// buffers of reading, hashing and verifying, and the lists of the trees.
const otherMemory = 40 << 20

// LeastMemory is the least that CreateOptions.MaxMemory may be. Less would need
// shorter streams, and the bundle's bytes do not depend on the memory.
const LeastMemory = bundle.LeastWriteMemory + otherMemory

// CreateOptions says what goes into a bundle and where it is put.
type CreateOptions struct {
	// From and To are the trees before and after: a folder, .zip, .tar,
	// .tar.gz, .tgz, .tar.xz or .txz. Without From the bundle is full. Without
	// To the tree is Pack.
	From, To string
	// Pack is a connected pack: it names the product where Product is empty,
	// its bin tells which tools are wanted, and the newest of them go into it.
	Pack string

	// Between are further levels of an update that a site can stand or stop on,
	// ascending, each with its tree.
	Between []Stop
	// Advisories are what published levels say of themselves: ascending levels,
	// above Start (in a full bundle from 0 on) and up to End.
	Advisories []*bundle.Advisory

	// View is a depot that the levels come from in the place of trees. End 0 is
	// the newest that Channel offers, Start NoStart a full bundle; EveryLevel
	// carries all that Channel offers between.
	View       *depot.View
	EveryLevel bool
	// Held is a tree on this machine, a pack, say: contents of levels that it holds under
	// the same path are read there, and not fetched. It may be nil.
	Held *rootfs.Root
	// Sites are states that the bundle has to fit, as small as it can be.
	Sites   []Site
	assumed []string
	// Missing are contents of levels that some site has not: nothing is told from them.
	Missing map[manifest.Digest]bool

	Product, Version string
	Start, End       int // levels; with From 0 <= Start < End, without it Start is ignored
	Channel          string
	// Hotfix is 0, or the number of the hotfix that leads from From to To, two trees
	// of level End. Contains are the hotfixes that the level End of an update contains.
	Hotfix   int
	Contains []manifest.Sequence

	Recipients  []age.Recipient
	Signers     []keys.Signer
	Trust       *verify.TrustSet // the site's; nil: nobody asks whether the site accepts
	ToolsDir    string           // empty: tools/ beside the exporter, else the exporter's folder
	Platforms   []string         // os/arch, or all
	NoTools     bool             // carry none
	Cache       string           // folder that keeps packed importers from one run to the next; empty: none
	MinimumTool string           // empty: version.Minimum
	BestBefore  time.Time        // zero: none
	MinSequence manifest.Sequence
	Created     time.Time // zero: SOURCE_DATE_EPOCH, else Now

	Whole     bool  // no deltas
	MaxMemory int64 // bytes; 0: DefaultMaxMemory; at least LeastMemory
	Jobs      int   // 0: one a core

	Output   string    // a file, a folder that exists (the conventional name in it), or "-"
	Stdout   io.Writer // where "-" goes
	Now      func() time.Time
	Progress Progress
}

// Progress hears of work done: the stage (see the Stage constants), bytes done
// so far in it, and bytes in all, 0 where that is not known. It is called from
// several goroutines, one at a time.
type Progress func(stage Stage, done, total int64)

// Stage is a step of the work as progress names it.
type Stage string

// The stages in their order.
const (
	StageScan    Stage = "scan"
	StageCompare Stage = "compare"
	StageWrite   Stage = "write"
	StageVerify  Stage = "verify"
)

// normalise fills in defaults and refuses what cannot be meant.
func (o *CreateOptions) normalise(ctx context.Context) error {
	o.setDefaults()
	if err := o.SetProduct(); err != nil {
		return err
	}
	if o.View != nil {
		if err := o.fromDepot(ctx); err != nil {
			return err
		}
	}
	if o.To == "" {
		o.To = o.Pack
	}
	if o.To == "" {
		return fault.New(fault.Usage, "no tree to carry").WithHint("give --to TREE, or the pack as argument")
	}
	if o.From == "" {
		o.Start = o.End
	}
	if err := o.checkLevels(); err != nil {
		return err
	}
	if len(o.Recipients) == 0 {
		return fault.New(fault.Usage, "nobody can read the bundle").
			WithHint("give --recipient age1…; `packlift-import keygen` at the site prints it")
	}
	if len(o.Recipients) > bundle.MaxRecipients {
		return fault.New(fault.Usage, "%d recipients are too many, the most is %d", len(o.Recipients), bundle.MaxRecipients)
	}
	if err := checkSigners(o.Signers); err != nil {
		return err
	}
	if o.MaxMemory < LeastMemory {
		return fault.New(fault.Usage, "%d MiB of memory are too few, one compressor and what goes with it take %d", o.MaxMemory>>20, LeastMemory>>20).
			WithHint("give --max-memory %dM or more", LeastMemory>>20)
	}
	if !version.Valid(o.MinimumTool) {
		return fault.New(fault.Usage, "minimum tool %q is no version", o.MinimumTool).WithHint("write it as 1.3.0")
	}
	return o.setCreated()
}

func (o *CreateOptions) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = DefaultMaxMemory
	}
	if o.Channel == "" {
		o.Channel = "full"
	}
	if o.MinimumTool == "" {
		o.MinimumTool = version.Minimum
	}
}

// SetProduct takes the product from Pack where it is not named.
func (o *CreateOptions) SetProduct() error {
	if o.Pack != "" {
		b, err := readSmall(filepath.Join(o.Pack, "updates", "product.txt"), 256)
		if err != nil {
			return fault.New(fault.Usage, "pack %s: %w", o.Pack, err).WithHint("a pack names its product in updates/product.txt, such as wso2am-4.2.0")
		}
		name, vers, err := manifest.SplitProduct(strings.TrimSpace(string(b)))
		if err != nil {
			return fault.New(fault.Usage, "pack %s: updates/product.txt: %w", o.Pack, err)
		}
		if o.Product != "" && (o.Product != name || o.Version != vers) {
			return fault.New(fault.WrongProduct, "pack %s holds %s-%s, not %s-%s", o.Pack, name, vers, o.Product, o.Version).
				WithHint("leave --product out, or name a pack of %s-%s", o.Product, o.Version)
		}
		o.Product, o.Version = name, vers
	}
	if o.Product == "" {
		return fault.New(fault.Usage, "the product is not named").WithHint("give --product NAME-VERSION, such as wso2am-4.2.0")
	}
	if err := manifest.CheckProduct(o.Product, o.Version); err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	return nil
}

func (o *CreateOptions) checkLevels() error {
	if o.End < 0 || o.End > manifest.MaxLevel {
		return fault.New(fault.Usage, "end level %d is not 0 to %d", o.End, manifest.MaxLevel).WithHint("give --end-level N")
	}
	if o.Hotfix > 0 {
		return o.checkHotfix()
	}
	if err := o.checkContains(); err != nil {
		return err
	}
	if o.From != "" && (o.Start < 0 || o.Start >= o.End) {
		return fault.New(fault.Usage, "start level %d is not below end level %d", o.Start, o.End).
			WithHint("give the levels of --from and --to with --start-level and --end-level")
	}
	if err := o.checkBetween(); err != nil {
		return err
	}
	if err := o.checkAdvisories(); err != nil {
		return err
	}
	if o.MinSequence.Compare(o.sequence()) > 0 {
		return fault.New(fault.Usage, "--min-sequence lies above the bundle itself, which no site could then apply")
	}
	return nil
}

func (o *CreateOptions) sequence() manifest.Sequence {
	return manifest.Sequence{Level: o.End, Hotfix: o.Hotfix}
}

// setCreated honours SOURCE_DATE_EPOCH (reproducible-builds.org), in seconds.
func (o *CreateOptions) setCreated() error {
	if v := os.Getenv("SOURCE_DATE_EPOCH"); o.Created.IsZero() && v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 253402300799 { // the end of the year 9999
			return fault.New(fault.Usage, "SOURCE_DATE_EPOCH=%q is no number of seconds since 1970", v)
		}
		o.Created = time.Unix(n, 0)
	}
	if o.Created.IsZero() {
		o.Created = o.Now()
	}
	o.Created = o.Created.UTC().Truncate(time.Second)
	if !o.BestBefore.IsZero() {
		o.BestBefore = o.BestBefore.UTC().Truncate(time.Second)
	}
	return nil
}

// Warnings that creating gives; it goes on after each.
func (o *CreateOptions) warnings() (out []string) {
	if !o.BestBefore.IsZero() && o.BestBefore.Before(o.Created) {
		out = append(out, fmt.Sprintf("the bundle's best-before date %s has passed already", o.BestBefore.Format(time.DateOnly)))
	}
	for _, s := range o.wanted() {
		out = append(out, modeless(rootfs.KeepsModes, s.Tree)...)
	}
	return out
}
