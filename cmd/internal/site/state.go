package site

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

func currentState(c *cli.Console) *cobra.Command {
	var f packFlag
	var export string
	cmd := &cobra.Command{
		Use: "current-state", Short: "Print the pack's level and hotfixes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.openToRead(c)
			if err != nil {
				return err
			}
			defer p.Close()
			if export != "" {
				return exportState(cmd.Context(), c, p, export)
			}
			return sayState(c, p)
		},
	}
	f.Flags(cmd.Flags())
	cmd.Flags().StringVar(&export, "export", "", "write the state to `FILE`, for packlift-export create-update --for; - is standard output")
	return cmd
}

type packState struct {
	Pack string `json:"pack"`
	pack.State
	TrustSet    string             `json:"trust_set"`
	Floor       *manifest.Sequence `json:"floor,omitempty"`
	Unconfirmed *pack.Unconfirmed  `json:"unconfirmed,omitempty"` // its health check did not come to its end
	Staged      *apply.StagedInfo  `json:"staged,omitempty"`
	Pending     *apply.Pending     `json:"pending,omitempty"` // an update that waits for decisions
	open        int                // of its conflicts
}

func sayState(c *cli.Console, p *pack.Pack) error {
	s, err := p.State()
	if err != nil {
		return err
	}
	trust, err := packTrust(p)
	if err != nil {
		return err
	}
	out := packState{Pack: p.Dir(), State: s, TrustSet: trust.Fingerprint()}
	floor, ok, err := p.Floor()
	if err != nil {
		return err
	}
	if ok {
		out.Floor = &floor
	}
	if u, ok, _, err := apply.Unconfirmed(p); err != nil {
		return err
	} else if ok {
		out.Unconfirmed = &u
	}
	if out.Staged, err = apply.Staged(p); err != nil {
		return err
	}
	if out.Pending, err = apply.ReadPending(p); err != nil {
		return err
	}
	if out.Pending != nil {
		if out.open, err = out.Pending.Open(p); err != nil {
			return err
		}
	}
	c.Data("state", out, stateText(out))
	return nil
}

func stateText(s packState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "product    %s-%s\nlevel      %s\nhotfixes   %s\n", s.Product, s.Version, pack.LevelName(s.Level), hotfixes(s.Hotfixes))
	if !s.Manifest.IsZero() {
		fmt.Fprintf(&b, "manifest   %s\n", s.Manifest)
	}
	if s.Floor != nil {
		fmt.Fprintf(&b, "floor      %s\n", s.Floor)
	}
	fmt.Fprintf(&b, "trust set  %s\n", s.TrustSet)
	if s.Staged != nil {
		fmt.Fprintf(&b, "staged     %s\n", s.Staged)
	}
	if w := s.Pending; w != nil {
		fmt.Fprintf(&b, "pending    %s: %s\n", pendingName(w), waitsFor(s.open))
	}
	if s.Unconfirmed != nil {
		fmt.Fprintf(&b, "unconfirmed: the health check of %s did not come to its end\n", unconfirmedName(*s.Unconfirmed))
	}
	for _, e := range s.History[max(0, len(s.History)-10):] {
		fmt.Fprintf(&b, "history    %s %s\n", e.Time.Format("2006-01-02 15:04:05Z"), changeName(e.Kind, e.From, e.To, e.Hotfix))
	}
	return b.String()
}

func pendingName(w *apply.Pending) string {
	if w.Hotfix > 0 {
		return w.What()
	}
	return "update to level " + pack.LevelName(w.To)
}

func waitsFor(n int) string {
	switch n {
	case 0:
		return "all is decided (" + typed.Import("conflicts") + ")"
	case 1:
		return "1 file waits for decisions (" + typed.Import("conflicts") + ")"
	}
	return fmt.Sprintf("%d files wait for decisions (%s)", n, typed.Import("conflicts"))
}

func hotfixes(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprint(list), "[]")
}
