package common

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packlift/bundle"
	"packlift/internal/cli"
	"packlift/verify"
)

const inspectLong = `Print what a bundle says of itself. With --trust it is verified first. Otherwise
nothing of it is proven: every line printed says UNVERIFIED.`

const unverified = "UNVERIFIED"

type inspectFlags struct {
	pack  Pack
	trust string
}

// Inspect is the command that prints what a bundle says of itself. pack may be nil.
func Inspect(c *cli.Console, pack Pack) *cobra.Command {
	a := &inspectFlags{pack: pack}
	cmd := &cobra.Command{
		Use: "inspect BUNDLE", Short: "Print what a bundle says of itself", Long: inspectLong, Args: cobra.ExactArgs(1),
		ValidArgsFunction: CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	cmd.Flags().StringVar(&a.trust, "trust", "", "verify by the trust set in `DIR` first")
	if pack != nil {
		pack.Flags(cmd.Flags())
		cmd.Flags().Lookup("pack").Usage = "verify by the trust set of the pack in `DIR` first"
	}
	return cmd
}

func (a *inspectFlags) run(ctx context.Context, c *cli.Console, name string) error {
	in, err := OpenBundle(ctx, c, name)
	if err != nil {
		return err
	}
	defer in.Close()
	trust, err := a.trustSet(c)
	if err != nil {
		return err
	}
	if trust == nil {
		if err := peek(c, in); err != nil {
			return fmt.Errorf("%s: %w", unverified, WithHint(in.Path, err))
		}
		return nil
	}
	b, report, err := Open(ctx, c, in, verify.Options{Trust: trust, Now: time.Now()})
	if err != nil {
		sayReport(c, report)
		return err
	}
	sayBundle(c, b)
	return nil
}

func (a *inspectFlags) trustSet(c *cli.Console) (*verify.TrustSet, error) {
	switch {
	case a.trust != "":
		return ReadTrust(c, a.trust)
	case a.pack != nil && a.pack.Given():
		return a.pack.Trust()
	}
	return nil, nil
}

type member struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

type claims struct {
	Members    []member                  `json:"members"`
	Signatures []verify.ClaimedSignature `json:"signatures"`
	Manifest   string                    `json:"manifest"`
}

// peek prints what an unverified bundle claims, each line marked.
func peek(c *cli.Console, in *Bundle) error {
	m := c.Marked(unverified)
	u, err := verify.Peek(in, in.Size)
	if err != nil {
		return err
	}
	var b strings.Builder
	var members []member
	for _, x := range u.Layout.Members {
		members = append(members, member{x.Name, x.Size})
		fmt.Fprintf(&b, "member     %-20s %12d bytes\n", x.Name, x.Size)
	}
	for _, s := range u.Signatures {
		fmt.Fprintf(&b, "signature  %s %s %s %s %s\n", s.Member, s.Fingerprint, s.KeyType, s.Namespace, s.Fault)
	}
	fmt.Fprintf(&b, "manifest   %s", u.ManifestText())
	m.Data("inspect", claims{members, u.Signatures, u.ManifestText()}, b.String())
	m.Hint("give --trust DIR to verify it first")
	return nil
}

type verifiedBundle struct {
	Format      int             `json:"format"`
	Product     string          `json:"product"`
	MinimumTool string          `json:"minimum_tool"`
	Created     time.Time       `json:"created"`
	Size        int64           `json:"size"`
	Sums        string          `json:"sha256sums"`
	Signers     []verify.Signer `json:"signers"`
	Manifest    json.RawMessage `json:"manifest,omitempty"` // as in the bundle
}

// sayBundle prints a verified bundle.
func sayBundle(c *cli.Console, b *verify.Bundle) {
	f := b.Frozen()
	out := verifiedBundle{f.Format, f.Product, f.MinimumTool, f.Created, b.Size(), b.Sums().String(), b.Signers(), manifestOf(b)}
	var t strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&t, "%-13s%s\n", name, fmt.Sprintf(format, args...))
	}
	if i := b.Info(); i != nil {
		row("product", "%s-%s", i.Product, i.Version)
		row("kind", "%s, %s, channel %s", i.Kind, Levels(i), i.Channel)
		row("id", "%s", i.ID)
		row("sequence", "%s (floor from then on: %s)", i.Sequence, i.MinSequence)
	} else {
		row("product", "%s", f.Product)
	}
	row("format", "%d, packlift-import %s or newer", f.Format, f.MinimumTool)
	row("created", "%s", f.Created.Format(time.RFC3339))
	sayContents(row, b.Info())
	for _, x := range f.Tools {
		row("tool", "%s/%s %s, %s, sha256 %s", x.OS, x.Arch, x.Version, cli.Bytes(x.Size), x.SHA256)
	}
	for _, s := range b.Signers() {
		row("signed by", "%s %s %s", s.Principal, s.KeyType, s.Fingerprint)
	}
	row("size", "%s", cli.Bytes(b.Size()))
	row("SHA256SUMS", "sha256 %s", b.Sums())
	c.Data("inspect", out, t.String())
}

func sayContents(row func(string, string, ...any), i *bundle.Info) {
	if i == nil {
		return
	}
	if !i.BestBefore.IsZero() {
		row("best before", "%s", i.BestBefore.Format(time.RFC3339))
	}
	row("recipients", "%d", i.Recipients)
	for _, name := range bundle.PartNames {
		p := i.Part(name)
		row("part", "%-19s %s stored, %s inside", name, cli.Bytes(p.Stored.Size), cli.Bytes(p.Plain.Size))
	}
	if i.TrustSet != "" {
		row("made for", "trust set %s", i.TrustSet)
	}
}

// manifestOf gives MANIFEST.json of a verified bundle, nil for a later format.
func manifestOf(b *verify.Bundle) json.RawMessage {
	i := b.Info()
	if i == nil {
		return nil
	}
	text, err := i.Marshal(0)
	if err != nil {
		return nil // it was parsed from such a text
	}
	return text
}
