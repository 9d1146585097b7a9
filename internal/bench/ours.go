package main

import (
	"archive/tar"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// bench holds the tools, keys and folders of one run.
type bench struct {
	options
	work      string
	recipient string
}

func (b *bench) path(elem ...string) string {
	return filepath.Join(append([]string{b.work}, elem...)...)
}

func (b *bench) tool(name string) string { return b.path("bin", name) }

// prepare builds the binaries and makes keys, a trust set and an identity.
func (b *bench) prepare() error {
	for _, argv := range [][]string{
		{"make", "--no-print-directory", "build", "BIN=" + b.path("bin")},
		{b.tool("packlift-export"), "keygen", "--name", "vendor", "-o", b.path("keys")},
		{b.tool("packlift-export"), "trust", "new", "--signer", "vendor=" + b.path("keys", "vendor.pub"), "-o", b.path("trust")},
	} {
		if err := quiet(argv...); err != nil {
			return err
		}
	}
	out, err := exec.Command(b.tool("packlift-import"), "keygen", "-o", b.path("identity")).Output()
	if err != nil {
		return fmt.Errorf("keygen: %w", err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "age1") {
			b.recipient = word
		}
	}
	data, err := os.ReadFile(b.tool("packlift-import"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.path("tools"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.path("tools", "packlift-import_"+runtime.GOOS+"_"+runtime.GOARCH), data, 0o755)
}

func (b *bench) createUpdate(from, to, product, start, end, bundle string, more ...string) []string {
	return append([]string{b.tool("packlift-export"), "create-update", "--from", from, "--to", to, "--product", product, "-s", start, "-e", end,
		"-r", b.recipient, "--sign-key", b.path("keys", "vendor"), "--tools", b.path("tools"), "-o", bundle}, more...)
}

func (b *bench) applyUpdate(pack, bundle string) []string {
	return []string{b.tool("packlift-import"), "apply-update", "--pack", pack, "-i", b.path("identity"), bundle}
}

// newPack makes a copy of a tree a pack.
func (b *bench) newPack(tree, pack, product, level string) error {
	if err := quiet("cp", "-a", tree+"/.", pack); err != nil {
		return err
	}
	if err := quiet(b.tool("packlift-import"), "init", "--pack", pack, "--product", product, "--level", level, "--trust", b.path("trust"), "--yes"); err != nil {
		return err
	}
	return quiet("sync")
}

// ours is packlift: it verifies, encrypts, signs, backs up and syncs as well.
func (b *bench) ours(t *trees) contender {
	bundle, product := t.path("bundle.packlift"), t.product+"-"+t.from
	return contender{
		name:   "packlift",
		create: b.createUpdate(t.oldTree, t.newTree, product, "0", "10", bundle),
		size:   func() (int64, error) { return lessTools(bundle) },
		fresh: func() error {
			if err := t.fresh(); err != nil {
				return err
			}
			return b.newPack(t.oldTree, t.path("out"), product, "0")
		},
		apply: b.applyUpdate(t.path("out"), bundle),
		check: func() error { return equalTrees(t.path("out"), t.newTree, "updates") },
	}
}

// verifying are two ways to read a bundle once.
type verifying struct{ ours, openssl cost }

// verifies lets packlift verify the bundle without a key beside openssl, in turn.
func (b *bench) verifies(t *trees) (v verifying, err error) {
	bundle := t.path("bundle.packlift")
	for range 2*b.runs + 1 {
		for got, argv := range map[*cost][]string{
			&v.openssl: {"openssl", "dgst", "-sha256", bundle},
			&v.ours:    {b.tool("packlift-import"), "verify", "--trust", b.path("trust"), bundle},
		} {
			if _, err := exec.LookPath(argv[0]); err != nil {
				continue
			}
			c, err := once(argv)
			if err != nil {
				return v, err
			}
			got.add(c)
		}
	}
	return v, nil
}

// lessTools gives the bundle's size without the part that carries the tools.
func lessTools(bundle string) (int64, error) {
	f, err := os.Open(bundle)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			return 0, err
		}
		if h.Name == "tools.tar.xz.age" {
			return info.Size() - h.Size, nil
		}
	}
}
