//go:build unix

package rootfs

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxXattr   = 1 << 20
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

func (r *Root) copyXattrs(src *Root, from, to string) error {
	a, err := src.Open(from)
	if err != nil {
		return ignoreRefused(err)
	}
	defer a.Close()
	b, err := r.Open(to)
	if err != nil {
		return ignoreRefused(err)
	}
	defer b.Close()
	inherits, err := intoFolder(a, b)
	if err != nil {
		return err
	}
	names, err := listXattrs(a)
	if err != nil {
		return src.wrap("xattr", from, err)
	}
	for _, name := range names {
		as := handedDown(name, inherits)
		if as == "" {
			continue
		}
		value, err := getXattr(a, name)
		if err != nil {
			return src.wrap("xattr", from, err)
		}
		if value == nil {
			continue
		}
		if err := r.setXattr(b, to, as, value); err != nil {
			return err
		}
	}
	return nil
}

func (r *Root) setXattr(f *os.File, name, attr string, value []byte) error {
	return ignoreRefused(r.effect("setxattr", name, func() error { return unix.Fsetxattr(int(f.Fd()), attr, value, 0) }))
}

// intoFolder reports whether from is a folder and to a file in it.
func intoFolder(from, to *os.File) (bool, error) {
	a, err := from.Stat()
	if err != nil {
		return false, err
	}
	b, err := to.Stat()
	return err == nil && a.IsDir() && !b.IsDir(), err
}

// handedDown is the attribute that a file gets for one of its model, "" for
// none; inherits tells that the model is the folder that it comes into.
func handedDown(name string, inherits bool) string {
	switch {
	case name == "security.ima" || name == "security.evm":
		return "" // these sign the old content
	case inherits && name == aclDefault:
		return aclAccess // acl(5): what a new file in the folder gets
	case inherits:
		return "" // a folder hands down nothing else
	}
	return name
}

func listXattrs(f *os.File) ([]string, error) {
	size, err := unix.Flistxattr(int(f.Fd()), nil)
	if err != nil || size <= 0 || size > maxXattr {
		return nil, ignoreRefused(err)
	}
	buf := make([]byte, size)
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if err != nil {
		return nil, ignoreRefused(err)
	}
	return strings.FieldsFunc(string(buf[:n]), func(c rune) bool { return c == 0 }), nil
}

// getXattr gives nil for an attribute that is gone or may not be read.
func getXattr(f *os.File, name string) ([]byte, error) {
	size, err := unix.Fgetxattr(int(f.Fd()), name, nil)
	if err != nil || size > maxXattr {
		return nil, ignoreMissingXattr(err)
	}
	buf := make([]byte, size)
	n, err := unix.Fgetxattr(int(f.Fd()), name, buf)
	if err != nil {
		return nil, ignoreMissingXattr(err)
	}
	return buf[:n], nil
}

func ignoreMissingXattr(err error) error {
	if errors.Is(err, missingXattr) {
		return nil
	}
	return ignoreRefused(err)
}
