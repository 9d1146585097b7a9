package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/safepath"
)

const (
	maxTrustFiles = 16
	maxTrustFile  = 1 << 20
)

// TrustFS is the newest of the pack's trust sets, and its number. Its files
// are read under the rules of rootfs, 1 MiB at most each; it serves while the
// pack is open.
func (p *Pack) TrustFS() (fs.FS, int, error) {
	entries, err := p.root.ReadDir(TrustDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	newest := 0
	for _, e := range entries {
		if n := trustNumber(e.Name()); e.IsDir() && n > newest {
			newest = n
		}
	}
	if newest == 0 {
		return nil, 0, fault.New(fault.Untrusted, "the pack has no trust set in %s", p.root.Full(TrustDir)).
			WithHint("put the trust set back into %s/1", TrustDir)
	}
	return p.root.FS(TrustDir+"/"+strconv.Itoa(newest), maxTrustFile), newest, nil
}

// trustNumber is 0 for what is not a number from 1 in its one spelling.
func trustNumber(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > manifest.MaxNumber || strconv.Itoa(n) != name {
		return 0
	}
	return n
}

func checkTrust(files map[string][]byte) error {
	if len(files) == 0 || len(files) > maxTrustFiles {
		return fault.New(fault.Usage, "a trust set has 1 to %d files, not %d", maxTrustFiles, len(files))
	}
	for name, b := range files {
		if err := safepath.Element(name); err != nil {
			return fault.New(fault.Usage, "trust set: %w", err)
		}
		if len(b) > maxTrustFile {
			return fault.New(fault.Usage, "trust set: %s is larger than %d bytes", name, maxTrustFile)
		}
	}
	return nil
}

func (p *Pack) writeTrust(n int, files map[string][]byte) error {
	dir := TrustDir + "/" + strconv.Itoa(n)
	if err := p.root.MkdirAll(dir, privateDir); err != nil {
		return err
	}
	for name, b := range files {
		if err := p.root.WriteFile(dir+"/"+name, b, privateFile); err != nil {
			return fmt.Errorf("trust set: %w", err)
		}
	}
	return errors.Join(p.root.SyncDir(TrustDir), p.root.SyncDir(Dir))
}
