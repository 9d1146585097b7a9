package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

const createLong = `Write a bundle: one signed, encrypted file that brings a pack from one level to
another (--from, --to, -s, -e), or without --from the whole product to a new site (full).

A tree is a folder or an archive (.zip, .tar, .tar.gz, .tar.xz) whose single top folder is left
out. PACK, a connected pack, names the product, stands for --to where that is not given, and gets
the newest importer into its bin. With --between an update carries further levels: a site that stands
on any of them takes it, and may stop at any later one. The bundle is verified as a site would do it
before it gets its name.`

const createExample = `  packlift-export create-update --from wso2am-4.2.0.3 --to wso2am-4.2.0.10 --product wso2am-4.2.0 \
      -s 3 -e 10 -r age1… --sign-key keys/vendor --trust trust -o stick/`

type createFlags struct {
	from, to        string
	between         []string
	advisories      []string
	product         cli.Product
	start, end      cli.Level
	channel         string
	recipients      []string
	recipientsFiles []string
	passphrase      bool
	signers         common.SignKeys
	trust, tools    string
	platforms       cli.Platforms
	minimumTool     string
	depot           depotFlags
	opened          *opened // --depot's
	selfUpdate      cli.Choice
	everyLevel      bool
	sites           []string
	bestBefore      cli.Date
	minSequence     cli.Sequence
	maxMemory       cli.Size
	whole           bool
	jobs            int
	noCache         bool
	output          string
	hotfix          int
	contains        hotfixList
}

func createUpdate(c *cli.Console) *cobra.Command {
	a := createFlags{maxMemory: export.DefaultMaxMemory, selfUpdate: cli.NewChoice("continue", "continue", "exit", "never")}
	cmd := &cobra.Command{
		Use: "create-update [PACK]", Short: "Write a bundle with an update, or with a whole product",
		Long: createLong, Example: createExample, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args) },
	}
	a.flags(cmd)
	cmd.Flags().Var(&a.contains, "contains-hotfix", "say that the level contains this hotfix, `LEVEL.HOTFIX` such as 3.1 (repeatable)")
	a.depot.Flags(cmd.Flags())
	cmd.Flags().BoolVar(&a.everyLevel, "every-level", false, "with --depot: carry every level between that the channel offers, so that sites may stand and stop on each")
	cmd.Flags().StringArrayVar(&a.sites, "for", nil, "with --depot: fit the site whose state, exported there, is in `FILE`; of several the one bundle fits all (repeatable)")
	cmd.Flags().Var(&a.selfUpdate, "self-update", "what to do when the depot has a newer packlift-export")
	common.Require(cmd, "output")
	return cmd
}

func (a *createFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.from, "from", "", "the `TREE` before (folder or archive)")
	f.StringVar(&a.to, "to", "", "the `TREE` after (default: PACK)")
	f.StringArrayVar(&a.between, "between", nil, "carry this level as well, `LEVEL=TREE`, so that a site can stand or stop on it (repeatable)")
	f.StringArrayVar(&a.advisories, "advisory", nil, "carry what a level says of itself: a `FILE` as docs/format.md has it (repeatable)")
	f.Var(&a.product, "product", "the product (default: PACK's)")
	f.VarP(&a.start, "start-level", "s", "level that the update starts from; with --depot, left out: a full bundle")
	f.VarP(&a.end, "end-level", "e", "level that it leads to; with --depot, 0 or left out: the newest")
	f.StringVarP(&a.channel, "channel", "c", "", "`CHANNEL` that the bundle belongs to, and that a depot offers levels in (default: full)")
	f.StringArrayVarP(&a.recipients, "recipient", "r", nil, "encrypt to `RECIPIENT`: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …, or a plugin's (repeatable)")
	f.StringArrayVarP(&a.recipientsFiles, "recipients-file", "R", nil, "encrypt to each recipient in `FILE` (repeatable)")
	f.BoolVar(&a.passphrase, "passphrase", false, "encrypt with a passphrase instead, which is asked for")
	a.signers.Flags(f)
	f.StringVar(&a.trust, "trust", "", "check that the site with the trust set in `DIR` accepts the bundle")
	f.StringVar(&a.tools, "tools", "", "`DIR` with importers packlift-import_<os>_<arch>[.exe] (default: those beside the exporter)")
	f.Var(&a.platforms, "platform", "carry the importer for `OS/ARCH`, or with all each that --tools has (repeatable; default: those that PACK's bin has, or this machine's)")
	f.Var(&a.bestBefore, "best-before", "warn whoever applies the bundle later")
	f.Var(&a.minSequence, "min-sequence", "raise the sites' floor: they refuse bundles below it from then on")
	f.BoolVar(&a.whole, "whole", false, "send every changed file whole, for sites whose old files are not as they were")
	f.Var(&a.maxMemory, "max-memory", "use at most this much memory")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	f.BoolVar(&a.noCache, "no-cache", false, "pack the importers anew, where the user's cache folder has them from an earlier bundle")
	f.StringVarP(&a.output, "output", "o", "", "write to `FILE`, into a folder under the usual name, or to standard output (-)")
	f.StringVar(&a.minimumTool, "minimum-tool", "", "oldest importer `VERSION` that may apply the bundle")
	if err := f.MarkHidden("minimum-tool"); err != nil {
		panic(err)
	}
}

func (a *createFlags) run(ctx context.Context, c *cli.Console, args []string) error {
	o, err := a.options(ctx, c, args)
	defer a.opened.Close()
	if err != nil {
		return err
	}
	defer common.CloseSigners(o.Signers)
	made, err := a.create(ctx, c, o)
	if err != nil {
		return err
	}
	for _, k := range made.Report.Checks {
		common.SayCheck(c.Detail, k)
	}
	for _, s := range made.Assumed {
		c.Note("assumed: %s", s)
	}
	for _, w := range made.Warnings {
		c.Warn("%s", w)
	}
	c.Changed()
	for _, p := range made.Placed {
		c.Note("the pack's importer is now the bundle's: %s", p)
	}
	a.say(c, made)
	return nil
}

func (a *createFlags) create(ctx context.Context, c *cli.Console, o export.CreateOptions) (*export.Created, error) {
	show := common.Stages{Console: c}
	defer show.Done()
	limitMemory(o.MaxMemory)
	o.Progress = func(stage export.Stage, done, total int64) { show.At(string(stage), done, total) }
	made, err := export.CreateUpdate(ctx, o)
	if o.Output == "-" { // spooled
		return made, cli.OnFullDisk(err, os.TempDir())
	}
	return made, cli.OnFullDisk(err, o.Output)
}

// programMemory is what the process takes that the runtime's limit does not
// count: its own text, mostly.
const programMemory = 16 << 20

// limitMemory has the collector keep the process within max bytes, unless
// GOMEMLIMIT asks for less.
func limitMemory(max int64) {
	debug.SetMemoryLimit(min(max-programMemory, debug.SetMemoryLimit(-1)))
}

func (a *createFlags) options(ctx context.Context, c *cli.Console, args []string) (o export.CreateOptions, err error) {
	o = export.CreateOptions{
		From: a.from, To: a.to, Pack: strings.Join(args, ""), Product: a.product.Name, Version: a.product.Version,
		Channel: a.channel, EveryLevel: a.everyLevel, ToolsDir: a.tools, Platforms: a.platforms, MinimumTool: a.minimumTool,
		BestBefore: a.bestBefore.Time, MinSequence: manifest.Sequence(a.minSequence),
		Hotfix: a.hotfix, Contains: a.contains,
		Whole: a.whole, MaxMemory: int64(a.maxMemory), Jobs: a.jobs, Output: a.output, Stdout: c.Stdout(),
	}
	if !a.noCache {
		o.Cache = export.DefaultCache()
	}
	if err := a.levels(&o); err != nil {
		return o, err
	}
	if a.output == "-" && c.JSON() {
		return o, fault.New(fault.Usage, "-o - and --json both want standard output").WithHint("write to a file")
	}
	if o.Between, err = a.stops(o.Version); err != nil {
		return o, err
	}
	common.SayLeftovers(c, a.tools)
	if a.trust != "" {
		if o.Trust, err = common.ReadTrust(c, a.trust); err != nil {
			return o, err
		}
	}
	if err := a.openDepot(ctx, c, &o); err != nil { // first: another exporter may go on, which reads standard input itself
		return o, err
	}
	if o.Advisories, err = a.readAdvisories(ctx, c); err != nil {
		return o, err
	}
	if o.Sites, err = a.readSites(ctx, c); err != nil {
		return o, err
	}
	if o.Recipients, err = a.readRecipients(ctx, c); err != nil {
		return o, err
	}
	o.Signers, err = a.signers.Load(ctx, c)
	return o, err
}

// openDepot verifies the depot, where one is given, and brings this exporter up from it.
func (a *createFlags) openDepot(ctx context.Context, c *cli.Console, o *export.CreateOptions) (err error) {
	if a.depot.location == "" {
		if len(a.sites) > 0 || a.everyLevel {
			return fault.New(fault.Usage, "--for and --every-level choose among the levels of a depot").WithHint("name it with --depot")
		}
		return nil
	}
	if a.opened, err = a.depot.open(ctx, c, o.Product, o.Version, o.Pack, o.Trust); err != nil {
		return err
	}
	o.View = a.opened.View
	_, err = renew(ctx, c, o.View, renewal{mode: a.selfUpdate.String(), once: a.depot.reach.once, end: a.opened.Close})
	return err
}

// levels reads -s and -e; a product's version in front of a level must be the product's.
func (a *createFlags) levels(o *export.CreateOptions) error {
	if a.hotfix > 0 {
		a.start = a.end // both trees are of one level
	}
	if a.depot.location != "" {
		if err := o.SetProduct(); err != nil {
			return err
		}
		if !a.start.Given() {
			o.Start = export.NoStart
		}
	}
	if a.from != "" && !a.start.Given() {
		return fault.New(fault.Usage, "the level of --from is not given").WithHint("give it with -s N")
	}
	if a.from == "" && a.start.Given() && a.depot.location == "" {
		return fault.New(fault.Usage, "-s tells the level of --from, which is not given").WithHint("give --from TREE, or leave -s out for a full bundle")
	}
	if !a.end.Given() && a.depot.location == "" {
		return fault.New(fault.Usage, "the level that the bundle leads to is not given").WithHint("give it with -e N, or a depot that knows the newest with --depot")
	}
	for _, l := range []struct {
		flag *cli.Level
		to   *int
	}{{&a.start, &o.Start}, {&a.end, &o.End}} {
		if !l.flag.Given() {
			continue
		}
		var err error
		version := o.Version
		if version == "" {
			version = l.flag.Version()
		}
		if *l.to, err = l.flag.For(version); err != nil {
			return fault.New(fault.Usage, "%w", err)
		}
	}
	return nil
}

func (a *createFlags) readSites(ctx context.Context, c *cli.Console) (out []export.Site, err error) {
	for _, name := range a.sites {
		b, err := common.ReadSmall(ctx, c, "state", name, pack.MaxSiteState)
		if err != nil {
			return nil, err
		}
		s, err := pack.ParseSiteState(b)
		if err != nil {
			return nil, fault.New(fault.Usage, "%s: %w", name, err).WithHint("at the site: packlift-import current-state --export FILE")
		}
		out = append(out, export.Site{Name: name, SiteState: s})
	}
	return out, nil
}

func (a *createFlags) readRecipients(ctx context.Context, c *cli.Console) ([]age.Recipient, error) {
	files := map[string][]byte{}
	for _, name := range a.recipientsFiles {
		data, err := common.ReadSmall(ctx, c, "list of recipients", name, keys.MaxKeyFile)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	var ask func() (string, error)
	if a.passphrase {
		ask = func() (string, error) { return c.NewPassphrase(ctx, "passphrase for the bundle") }
	}
	return common.UI(ctx, c).Recipients(a.recipients, files, ask)
}

type created struct {
	Path     string          `json:"path"`
	ID       string          `json:"id"`
	Product  string          `json:"product"`
	Version  string          `json:"version"`
	Kind     string          `json:"kind"`
	Start    int             `json:"start"`
	End      int             `json:"end"`
	Between  []bundle.Stop   `json:"between"`
	Size     int64           `json:"size"`
	SHA256   manifest.Digest `json:"sha256"`
	Added    int             `json:"added"`
	Modified int             `json:"modified"`
	Removed  int             `json:"removed"`
	Contents int             `json:"contents"`
	Bytes    int64           `json:"content_bytes"`
}

// importers names the tools that a bundle carries.
func importers(i *bundle.Info) string {
	var list []string
	for _, t := range i.Tools {
		list = append(list, fmt.Sprintf("%s/%s %s", t.OS, t.Arch, t.Version))
	}
	verb := " are importers"
	if len(list) == 1 {
		verb = " are the importer"
	}
	return verb + ": " + strings.Join(list, ", ")
}

func (a *createFlags) say(c *cli.Console, m *export.Created) {
	i := m.Info
	out := created{m.Path, i.ID, i.Product, i.Version, string(i.Kind), i.Start, i.End, append([]bundle.Stop{}, i.Between...), m.Size, m.SHA256, m.Added, m.Modified, m.Removed, m.Contents, m.Bytes}
	kind := string(i.Kind)
	if i.Kind == bundle.Full {
		kind = "full: the whole product"
	}
	text := fmt.Sprintf("%s: %s-%s, %s, %s\n%d added, %d updated, %d removed; %s of %s\na file of %s, of which %s%s\nsha256 %s",
		m.Path, i.Product, i.Version, kind, common.Levels(i), m.Added, m.Modified, m.Removed, cli.Count(m.Contents, "content"), cli.Bytes(m.Bytes),
		cli.Bytes(m.Size), cli.Bytes(i.Part(bundle.ToolsName).Stored.Size), importers(i), m.SHA256)
	if m.Path == "-" { // the bundle itself went to standard output
		c.Note("%s", text)
		return
	}
	c.Result("created", out, text)
}
