package site

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
	"packlift/verify"
)

const initLong = `Make a product tree a pack: write updates/product.txt and the pack's own data.
The trust set says whose bundles this site accepts. Compare the fingerprint shown with the one
that its maker told you by another way. With --empty the folder receives a full bundle later.`

type initFlags struct {
	pack        packFlag
	product     cli.Product
	level       cli.Level
	trust       string
	fingerprint string
	yes, empty  bool
	allowRoot   bool
}

func initPack(c *cli.Console) *cobra.Command {
	a := new(initFlags)
	cmd := &cobra.Command{
		Use: "init", Short: "Make a product tree a pack", Long: initLong, Args: cobra.NoArgs,
		Example: "  packlift-import init --pack /opt/wso2am --product wso2am-4.2.0 --level 3 --trust trust",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context(), c) },
	}
	f := cmd.Flags()
	a.pack.Flags(f)
	f.Lookup("pack").Usage = "the `DIR` that is to be a pack (default: the working directory, unless this tool lies in another folder's bin/)"
	f.Var(&a.product, "product", "the product (default: what updates/product.txt names)")
	f.Var(&a.level, "level", "the level that the tree is at; 0 is the product as first released")
	f.StringVar(&a.trust, "trust", "", "the trust set in `DIR`")
	f.StringVar(&a.fingerprint, "fingerprint", "", "the `FINGERPRINT` that the trust set must have; stands for the confirmation")
	f.BoolVar(&a.yes, "yes", false, "confirm the trust set's fingerprint unseen")
	f.BoolVar(&a.empty, "empty", false, "the pack holds nothing yet and will receive a full bundle")
	f.BoolVar(&a.allowRoot, "allow-root", false, "run as root on a folder that others may write to")
	cmd.MarkFlagsMutuallyExclusive("empty", "level")
	cmd.MarkFlagsOneRequired("empty", "level")
	common.Require(cmd, "trust")
	return cmd
}

type initialised struct {
	Pack        string `json:"pack"`
	Product     string `json:"product"`
	Version     string `json:"version"`
	Level       int    `json:"level"`
	Fingerprint string `json:"trust_set"`
}

func (a *initFlags) run(ctx context.Context, c *cli.Console) error {
	dir, err := a.pack.findNew()
	if err != nil {
		return err
	}
	if err := a.setProduct(dir); err != nil {
		return err
	}
	level, err := a.level.For(a.product.Version)
	if err != nil {
		return fault.New(fault.Usage, "%w", err).WithHint("write the level alone, such as --level 3")
	}
	if there, err := pack.Open(dir); err == nil { // refused by Init too; nothing is asked in vain
		there.Close()
		return fault.New(fault.Usage, "%s is a pack already", dir).WithHint("%s", typed.ImportAnywhere("current-state --pack "+typed.Word(dir)))
	}
	if err := mayInit(dir, a.allowRoot); err != nil {
		return err
	}
	trust, err := common.ReadTrust(c, a.trust)
	if err != nil {
		return err
	}
	if err := a.confirm(ctx, c, dir, trust); err != nil {
		return err
	}
	p, err := pack.Init(dir, pack.InitOptions{
		Product: a.product.Name, Version: a.product.Version, Level: level, Empty: a.empty, Trust: trust.Files(),
		Warn: func(err error) { c.Warn("%v", err) },
	})
	if err != nil {
		return err
	}
	defer p.Close()
	c.Changed()
	return sayInit(c, p, trust)
}

// mayInit refuses a run as root in a folder that others than root may write
// to, as later runs on the pack are refused. Where the folder does not exist yet, the
// owner of the nearest one that does counts. On Windows it checks nothing.
func mayInit(dir string, allow bool) error {
	if allow || os.Geteuid() != 0 {
		return nil
	}
	at, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	root, err := rootfs.Open(at)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		root, err = rootfs.Open(at)
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if whole, err := filepath.Abs(dir); err != nil || whole != at {
		return errors.Join(err, rootsOwn(root, ".", fs.ModeSticky)) // as of /tmp: what stands in it is its owner's
	}
	for _, name := range []string{".", "bin", pack.Updates} {
		if err := rootsOwn(root, name, 0); err != nil {
			return err
		}
	}
	return nil
}

// rootsOwn refuses what is there and another user's, or for others to write to.
func rootsOwn(root *rootfs.Root, name string, sticky fs.FileMode) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	uid, _, ok, err := root.OwnerOf(name)
	if err != nil || !ok {
		return err
	}
	why := ""
	switch mode := info.Mode(); {
	case uid != 0:
		why = fmt.Sprintf("belongs to user %d", uid)
	case mode&fs.ModeSymlink == 0 && mode.Perm()&0o022 != 0 && mode&sticky == 0:
		why = fmt.Sprintf("has mode %04o: others may write there", mode.Perm())
	default:
		return nil
	}
	return fault.New(fault.Privileged, "running as root, but %s %s", filepath.Clean(root.Full(name)), why).
		WithHint("run it as the owner of the product, or add --allow-root")
}

func sayInit(c *cli.Console, p *pack.Pack, trust *verify.TrustSet) error {
	s, err := p.State()
	if err != nil {
		return err
	}
	c.Result("init", initialised{p.Dir(), s.Product, s.Version, s.Level, trust.Fingerprint()},
		fmt.Sprintf("%s is a pack of %s-%s at level %s", p.Dir(), s.Product, s.Version, pack.LevelName(s.Level)))
	return nil
}

// setProduct takes the product from updates/product.txt where --product is not given.
func (a *initFlags) setProduct(dir string) error {
	if a.product.Name != "" {
		return nil
	}
	name := filepath.Join(dir, filepath.FromSlash(pack.ProductFile))
	f, err := regular.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Usage, "the product is not named").WithHint("give --product NAME-VERSION, such as wso2am-4.2.0")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := common.ReadCapped(name, f, 256)
	if err != nil {
		return err
	}
	if err := a.product.Set(strings.TrimSpace(string(text))); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// confirm shows the fingerprint and has it confirmed: by --fingerprint, by
// --yes, or on the terminal.
func (a *initFlags) confirm(ctx context.Context, c *cli.Console, dir string, trust *verify.TrustSet) error {
	got := trust.Fingerprint()
	c.Note("trust set %s has the fingerprint %s", a.trust, got)
	want, err := readFingerprint(a.fingerprint)
	switch {
	case err != nil:
		return err
	case want != "" && want != got:
		return fault.New(fault.Untrusted, "the trust set's fingerprint is %s, not %s", got, want).
			WithHint("get the trust set again from its maker")
	case want != "" || a.yes:
		return nil
	}
	question := fmt.Sprintf("%s becomes a pack of %s. Is that the fingerprint you were told?", dir, &a.product)
	return c.Confirm(ctx, question, "give --fingerprint "+got+" once you have compared it, or --yes")
}

// readFingerprint takes what ssh-keygen writes (SHA256:…), and what the stock
// tools of docs/operations.md print: without the prefix, with the padding.
func readFingerprint(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	digest := strings.TrimRight(strings.TrimPrefix(s, "SHA256:"), "=")
	if b, err := base64.RawStdEncoding.DecodeString(digest); err != nil || len(b) != sha256.Size {
		return "", fault.New(fault.Usage, "--fingerprint %q is none: it is SHA256: and 43 letters, digits, + or /", s).
			WithHint("give it as its maker told it")
	}
	return "SHA256:" + digest, nil
}
