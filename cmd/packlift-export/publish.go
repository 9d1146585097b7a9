package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/export"
	"packlift/internal/fault"
)

const publishLong = `Make a product's tree (a folder or an archive) the next level of a depot: a folder of
plain files that any HTTP server, a mirror or a file share gives to those who make updates. Level
numbers only grow. Readers see the new level whole, or not at all; a publisher that is killed leaves
nothing wrong. Importers and exporters that are newer than the depot's go along, signed.`

const publishExample = `  packlift-export publish wso2am-4.2.0.10 --product wso2am-4.2.0 --depot depot --level 10 \
      --summary notes.md --security CVE-2026-0001 --sign-key keys/vendor --trust trust`

type publishFlags struct {
	depot       string
	product     cli.Product
	level       cli.Level
	channel     string
	summary     string
	security    []string
	signers     common.SignKeys
	trust       string
	tools       string
	maxMemory   cli.Size
	jobs        int
	lockTimeout cli.Duration
}

func publish(c *cli.Console) *cobra.Command {
	a := publishFlags{maxMemory: export.DefaultMaxMemory}
	cmd := &cobra.Command{
		Use: "publish PACK", Short: "Make a tree the next level of a depot", Long: publishLong, Example: publishExample,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&a.depot, "depot", "", "the depot's `DIR`; it is made if need be")
	f.Var(&a.product, "product", "the product (default: what PACK's updates/product.txt names)")
	f.VarP(&a.level, "level", "l", "the number of the new level, above all that are there")
	f.StringVarP(&a.channel, "channel", "c", "full", "`CHANNEL` that offers the level; full offers every level")
	f.StringVar(&a.summary, "summary", "", "`FILE` (Markdown) that says what is new; - is standard input")
	f.StringSliceVar(&a.security, "security", nil, "`ID` of a weakness that the level mends, such as CVE-2026-0001 (repeatable, or with commas)")
	a.signers.Flags(f)
	f.StringVar(&a.trust, "trust", "", "check that those who trust the set in `DIR` accept the depot, before and after (default: the signing keys alone)")
	f.StringVar(&a.tools, "tools", "", "`DIR` with importers packlift-import_<os>_<arch>[.exe], and exporters packlift-export_<os>_<arch>[.exe] (default: those beside the exporter)")
	f.Var(&a.maxMemory, "max-memory", "use at most this much memory")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	f.Var(&a.lockTimeout, "lock-timeout", "wait this long while another run works on the depot")
	common.Require(cmd, "depot", "level")
	return cmd
}

func (a *publishFlags) run(ctx context.Context, c *cli.Console, tree string) error {
	o, err := a.options(ctx, c, tree)
	if err != nil {
		return err
	}
	defer common.CloseSigners(o.Signers)
	limitMemory(o.MaxMemory)
	if dir := seenDir(); dir != "" {
		if o.Seen, err = depot.OpenSeen(dir); err != nil { // no reason not to publish
			c.Warn("what was seen of this depot before cannot be kept: %v", err)
		} else {
			defer o.Seen.Close()
		}
	}
	show := common.Stages{Console: c}
	o.Progress = func(stage export.Stage, done, total int64) { show.At(string(stage), done, total) }
	made, err := export.Publish(ctx, o)
	show.Done()
	if err != nil {
		return cli.OnFullDisk(err, a.depot)
	}
	for _, w := range made.Warnings {
		c.Warn("%s", w)
	}
	c.Changed()
	a.say(c, made)
	return nil
}

func (a *publishFlags) options(ctx context.Context, c *cli.Console, tree string) (o export.PublishOptions, err error) {
	o = export.PublishOptions{
		Tree: tree, Depot: a.depot, Product: a.product.Name, Version: a.product.Version, Channel: a.channel, Security: a.security,
		ToolsDir: a.tools, Jobs: a.jobs, MaxMemory: int64(a.maxMemory), LockTimeout: time.Duration(a.lockTimeout),
	}
	if _, err := os.Stat(tree); err != nil {
		return o, common.Missing("tree", tree, err)
	}
	if err := o.SetProduct(); err != nil {
		return o, err
	}
	if o.Level, err = a.level.For(o.Version); err != nil {
		return o, fault.New(fault.Usage, "%w", err)
	}
	if a.summary != "" {
		text, err := common.ReadSmall(ctx, c, "summary", a.summary, bundle.MaxSummary)
		if err != nil {
			return o, err
		}
		o.Summary = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	if a.trust != "" {
		if o.Trust, err = common.ReadTrust(c, a.trust); err != nil {
			return o, err
		}
	}
	o.Signers, err = a.signers.Load(ctx, c)
	return o, err
}

func (a *publishFlags) say(c *cli.Console, m *export.Published) {
	text := fmt.Sprintf("%s: %s level %d is published in channel %s (index %d)\n%s of %s, %s of %s are new",
		m.Depot, m.Product, m.Level, m.Channel, m.Serial, cli.Count(m.Contents, "content"), cli.Bytes(m.Bytes), cli.Count(m.Deltas, "delta"), cli.Bytes(m.DeltaBytes))
	if len(m.Tools) > 0 {
		text += "\ntools: " + strings.Join(m.Tools, ", ")
	}
	c.Result("published", m, text)
}
