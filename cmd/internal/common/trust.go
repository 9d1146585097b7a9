package common

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/regular"
	"packlift/verify"
)

// ReadTrust reads the trust set in a folder outside a pack.
func ReadTrust(c *cli.Console, dir string) (*verify.TrustSet, error) {
	SayLeftovers(c, dir)
	info, err := os.Stat(dir)
	if err != nil {
		return nil, Missing("trust set", dir, err)
	}
	if !info.IsDir() {
		return nil, fault.New(fault.Usage, "%s is not a folder; a trust set is one", dir).
			WithHint("packlift-export trust new --signer NAME=FILE.pub -o DIR makes one")
	}
	t, err := verify.ParseTrustSet(regularFS(dir))
	if err == nil {
		return t, nil
	}
	if !holdsAny(dir, verify.AllowedSignersFile, verify.PolicyFile, verify.RevokedKeysFile) {
		return nil, fault.New(fault.Usage, "the folder %s is no trust set: it holds neither %s nor %s", dir, verify.AllowedSignersFile, verify.PolicyFile).
			WithHint("give the folder that packlift-export trust new made")
	}
	return nil, fmt.Errorf("%s: %w", dir, err)
}

// regularFS is a folder of regular files.
type regularFS string

// Open opens a regular file.
func (d regularFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return regular.Open(filepath.Join(string(d), filepath.FromSlash(name)))
}

func holdsAny(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}
