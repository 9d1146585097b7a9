// Package sigfiles reads the detached signatures of a bundle: the files *.sig
// in the folder <bundle>.sigs beside it.
//
// Limits: at most MaxFiles files of at most MaxSize bytes each; more or larger
// ones are an error, not a shorter list. Files whose names start with a dot
// (such as the ._* that macOS leaves on sticks) are not looked at.
package sigfiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/regular"
)

// Caps on what a reader takes from the folder.
const (
	MaxFiles = 32
	MaxSize  = 64 << 10
)

// Dir is the folder of a bundle's detached signatures.
func Dir(bundle string) string { return bundle + ".sigs" }

// Names lists the signature files of a bundle, sorted; none when the folder is missing.
func Names(bundle string) ([]string, error) {
	list, err := os.ReadDir(Dir(bundle))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".sig") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if len(names) > MaxFiles {
		return nil, fault.New(fault.Untrusted, "%s holds %d signatures, the most is %d", Dir(bundle), len(names), MaxFiles).
			WithHint("remove the files that are no signatures of this bundle from %s", Dir(bundle))
	}
	return names, nil
}

// Read returns the content of each signature file of the bundle, in the order of Names.
func Read(bundle string) ([][]byte, error) {
	names, err := Names(bundle)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, 0, len(names))
	for _, n := range names {
		b, err := readOne(filepath.Join(Dir(bundle), n))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func readOne(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("signature %s is not a regular file", name)
	}
	f, err := regular.Open(name) // it may be another by now
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(b) > MaxSize {
		err = fmt.Errorf("signature %s is larger than %d bytes", name, MaxSize)
	}
	return b, err
}
