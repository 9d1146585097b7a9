package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

const trustNewLong = `Make a trust set: a folder that says who may sign what. A site gets it by hand
and checks its fingerprint. Without --policy any one signer will do, for every namespace and product.

A namespace that --policy does not name needs any one signer too: a tool lies inside a bundle, and
the bundle's rule covers it. Only ` + verify.NamespaceTrust + ` and ` + verify.NamespaceDepot + ` follow the rule of ` + verify.NamespaceBundle + `.
Namespaces: ` + verify.NamespaceBundle + `, ` + verify.NamespaceTool + `, ` + verify.NamespaceTrust + `, ` + verify.NamespaceReceipt + `, ` + verify.NamespaceDepot + `.`

func trust(c *cli.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "trust", Short: "Make a trust set: who may sign what"}
	cmd.AddCommand(trustNew(c))
	return cmd
}

type trustFlags struct {
	signers, roles, policies, products []string
	dir                                string
}

func trustNew(c *cli.Console) *cobra.Command {
	var t trustFlags
	cmd := &cobra.Command{
		Use: "new", Short: "Make a trust set", Long: trustNewLong, Args: cobra.NoArgs,
		Example: "  packlift-export trust new --signer vendor=vendor.pub --signer site=site.pub \\\n" +
			"      --role vendor=vendor --role site=site --policy packlift-bundle@v1=vendor:1,site:1 \\\n" +
			"      --policy packlift-tool@v1=vendor:1 -o trust",
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd.Context(), c) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&t.signers, "signer", nil, "a principal and its public key, `NAME=FILE.pub` (repeatable)")
	f.StringArrayVar(&t.roles, "role", nil, "who holds a role, `ROLE=NAME,…` (repeatable)")
	f.StringArrayVar(&t.policies, "policy", nil, "how many of which role must sign, `NAMESPACE=ROLE:COUNT,…` (repeatable; default: any:1, but "+verify.NamespaceTrust+" and "+verify.NamespaceDepot+" follow "+verify.NamespaceBundle+")")
	f.StringArrayVar(&t.products, "for-product", nil, "product `NAME` that the set speaks for (repeatable; default: any)")
	f.StringVarP(&t.dir, "output", "o", "", "make the folder `DIR`")
	common.Require(cmd, "signer", "output")
	return cmd
}

func (t *trustFlags) run(ctx context.Context, c *cli.Console) error {
	o, err := t.parse(ctx, c)
	if err != nil {
		return err
	}
	set, err := export.TrustNew(t.dir, o)
	if err != nil {
		return err
	}
	c.Changed()
	policy, text := map[string]string{}, fmt.Sprintf("trust set:   %s\nfingerprint: %s\npolicy:", t.dir, set.Fingerprint())
	for _, ns := range verify.Namespaces {
		policy[ns] = set.Rule(ns)
		text += fmt.Sprintf("\n  %-19s %s", ns, policy[ns])
	}
	c.Data("trust", map[string]any{"path": t.dir, "fingerprint": set.Fingerprint(), "policy": policy}, text)
	return nil
}

func (t *trustFlags) parse(ctx context.Context, c *cli.Console) (o verify.NewTrust, err error) {
	o.Products = t.products
	for _, s := range t.signers {
		name, file, ok := strings.Cut(s, "=")
		if !ok {
			return o, fault.New(fault.Usage, "--signer %q is not NAME=FILE.pub", s)
		}
		key, err := common.ReadSmall(ctx, c, "public key", file, keys.MaxKeyFile)
		if err != nil {
			return o, err
		}
		o.Signers = append(o.Signers, verify.NewSigner{Name: name, Key: key})
	}
	if o.Roles, err = parseRoles(t.roles); err != nil {
		return o, err
	}
	o.Policy, err = parsePolicies(t.policies)
	return o, err
}

func parseRoles(specs []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, s := range specs {
		role, names, ok := strings.Cut(s, "=")
		if !ok || role == "" || names == "" {
			return nil, fault.New(fault.Usage, "--role %q is not ROLE=NAME,…", s)
		}
		out[role] = append(out[role], strings.Split(names, ",")...)
	}
	return out, nil
}

func parsePolicies(specs []string) (map[string]map[string]int, error) {
	out := map[string]map[string]int{}
	for _, s := range specs {
		namespace, rules, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fault.New(fault.Usage, "--policy %q is not NAMESPACE=ROLE:COUNT,…", s)
		}
		if out[namespace] == nil {
			out[namespace] = map[string]int{}
		}
		for rule := range strings.SplitSeq(rules, ",") {
			role, digits, _ := strings.Cut(rule, ":")
			count, err := strconv.Atoi(digits)
			if role == "" || err != nil || count < 1 {
				return nil, fault.New(fault.Usage, "--policy %q: %q is not ROLE:COUNT, with a count of at least 1", s, rule)
			}
			out[namespace][role] = count
		}
	}
	return out, nil
}
