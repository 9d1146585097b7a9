package common

import (
	"os"

	"packlift/internal/fault"
	"packlift/verify"
)

// ReadTrust reads the trust set in a folder outside a pack.
func ReadTrust(dir string) (*verify.TrustSet, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fault.New(fault.Usage, "%s is not a folder; a trust set is one", dir).
			WithHint("packlift-export trust new --signer NAME=FILE.pub -o DIR makes one")
	}
	return verify.ParseTrustSet(os.DirFS(dir))
}
