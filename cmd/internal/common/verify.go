package common

import (
	"context"
	"fmt"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

// Pack is where a trust set comes from when --trust is not given.
type Pack interface {
	Flags(*pflag.FlagSet)
	Given() bool
	Trust() (*verify.TrustSet, error)
}

const verifyLong = `Check a bundle and print each check with its evidence. Without an identity all is
checked that needs none: container, signatures, policy, digests. With one also what is encrypted.
Signatures beside the bundle, in BUNDLE.sigs/, count like those inside.`

type verifyFlags struct {
	pack       Pack // nil: the tool knows none
	trust      string
	identities []string
	passphrase bool
	maxAge     cli.Duration
	jobs       int
}

// Verify is the command that checks a bundle. pack may be nil.
func Verify(c *cli.Console, pack Pack) *cobra.Command {
	a := &verifyFlags{pack: pack}
	cmd := &cobra.Command{
		Use: "verify BUNDLE", Short: "Check a bundle, and print each check with its evidence", Long: verifyLong,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	f := cmd.Flags()
	if pack != nil {
		f.StringVar(&a.trust, "trust", "", "judge by the trust set in `DIR` (default: the pack's)")
		pack.Flags(f)
	} else {
		f.StringVar(&a.trust, "trust", "", "judge by the trust set in `DIR`")
		Require(cmd, "trust")
	}
	f.StringArrayVarP(&a.identities, "identity", "i", nil, "check with this `FILE` what is encrypted as well (repeatable)")
	f.BoolVar(&a.passphrase, "passphrase", false, "check with a passphrase, which is asked for, what is encrypted as well")
	f.Var(&a.maxAge, "max-age", "refuse a bundle made longer ago than this")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	return cmd
}

// memory is what a verification keeps near, in bytes: it may run on a machine
// that does little else than hold the stick.
const memory = 56 << 20

func (a *verifyFlags) run(ctx context.Context, c *cli.Console, name string) error {
	cli.LimitMemory(memory)
	trust, err := a.trustSet(c)
	if err != nil {
		return err
	}
	ids, err := a.readIdentities(ctx, c)
	if err != nil {
		return err
	}
	in, err := OpenBundle(ctx, c, name)
	if err != nil {
		return err
	}
	defer in.Close()
	b, report, err := Open(ctx, c, in, verify.Options{Trust: trust, Now: time.Now(), MaxAge: time.Duration(a.maxAge), Jobs: a.jobs})
	sayReport(c, report)
	if err != nil {
		return err
	}
	checks, err := a.content(ctx, c, b, ids)
	sayReport(c, &verify.Report{Checks: checks})
	if err != nil {
		return err
	}
	list, err := advisories(b, ids)
	if err != nil {
		return err
	}
	sayVerified(c, trust, b, append(report.Checks, checks...), list)
	return nil
}

func (a *verifyFlags) trustSet(c *cli.Console) (*verify.TrustSet, error) {
	if a.trust != "" {
		return ReadTrust(c, a.trust)
	}
	if a.pack == nil {
		return nil, fault.New(fault.Usage, "no trust set").WithHint("give --trust DIR")
	}
	t, err := a.pack.Trust()
	if fault.ClassOf(err) == fault.Usage && !a.pack.Given() {
		return nil, fault.New(fault.Usage, "by whose trust set? %w", err).WithHint("give --trust DIR, or the pack with --pack DIR")
	}
	return t, err
}

func (a *verifyFlags) readIdentities(ctx context.Context, c *cli.Console) ([]age.Identity, error) {
	var out []age.Identity
	if len(a.identities) > 0 {
		ids, err := identityFiles(ctx, c, UI(ctx, c), a.identities)
		if err != nil {
			return nil, err
		}
		out = ids
	}
	if a.passphrase {
		ask := func() ([]byte, error) { return c.Passphrase(ctx, "passphrase of the bundle") }
		out = append(out, keys.PassphraseIdentity(ask))
	}
	return out, nil
}

func (a *verifyFlags) content(ctx context.Context, c *cli.Console, b *verify.Bundle, ids []age.Identity) ([]verify.Check, error) {
	if len(ids) == 0 {
		return b.Unchecked(), nil
	}
	report, err := b.CheckContent(ctx, ids)
	if report == nil {
		return nil, err
	}
	return report.Checks, WithHint("BUNDLE", err)
}

type verified struct {
	ID         string     `json:"id,omitempty"`
	Product    string     `json:"product"`
	Version    string     `json:"version,omitempty"`
	Format     int        `json:"format"`
	TrustSet   string     `json:"trust_set"`
	Sums       string     `json:"sha256sums"`
	Between    []int      `json:"between"`              // levels that the bundle carries beside start and end
	Advisories []advisory `json:"advisories,omitempty"` // read with an identity alone
	Passed     int        `json:"passed"`
	Warnings   int        `json:"warnings"`
	NotChecked int        `json:"not_checked"`
}

// advisory is what a level says of itself, as JSON has it.
type advisory struct {
	Level    int       `json:"level"`
	Date     time.Time `json:"date"`
	Channel  string    `json:"channel"`
	Summary  string    `json:"summary"`
	Security []string  `json:"security"`
}

// advisories lists those of a bundle that was read with ids.
func advisories(b *verify.Bundle, ids []age.Identity) (out []advisory, err error) {
	if len(ids) == 0 || b.LaterFormat() {
		return nil, nil
	}
	l, err := b.Levels(ids)
	if err != nil {
		return nil, err
	}
	for _, a := range l.Advisories {
		out = append(out, advisory{a.Level, a.Date, a.Channel, a.Summary, append([]string{}, a.Security...)})
	}
	return out, nil
}

func sayVerified(c *cli.Console, trust *verify.TrustSet, b *verify.Bundle, checks []verify.Check, list []advisory) {
	f := b.Frozen()
	out := verified{Between: []int{}, Advisories: list, Product: f.Product, Format: f.Format, TrustSet: trust.Fingerprint(), Sums: b.Sums().String()}
	for _, k := range checks {
		switch k.Result {
		case verify.Passed:
			out.Passed++
		case verify.Warning:
			out.Warnings++
		case verify.NotChecked:
			out.NotChecked++
		}
	}
	what := fmt.Sprintf("%s (format %d, which needs packlift-import %s or newer)", f.Product, f.Format, f.MinimumTool)
	if i := b.Info(); i != nil {
		out.ID, out.Product, out.Version = i.ID, i.Product, i.Version
		for _, s := range i.Between {
			out.Between = append(out.Between, s.Level)
		}
		what = fmt.Sprintf("%s-%s, %s, %s", i.Product, i.Version, i.Kind, Levels(i))
	}
	c.Result("verified", out, fmt.Sprintf("verified: %s\n%s passed, %s, %d not checked; trust set %s",
		what, cli.Count(out.Passed, "check"), cli.Count(out.Warnings, "warning"), out.NotChecked, out.TrustSet))
}
