package fetch

import (
	"context"
	"errors"
	"fmt"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// folder is a depot in a folder.
type folder struct{ root *rootfs.Root }

func newFolder(dir string) (*folder, error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("the depot's folder cannot be opened: %w", err)
	}
	return &folder{root}, nil
}

// Small implements Source.
func (d *folder) Small(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b, err := d.root.ReadFile(name, max)
	if errors.Is(err, rootfs.ErrTooBig) {
		return nil, fault.New(fault.Tampered, "%w", err)
	}
	return b, err
}

// Object implements Source.
func (d *folder) Object(_ context.Context, name string, size int64, sha256 manifest.Digest) (Object, error) {
	want := Want{name, size, sha256}
	if err := want.check(); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != size) {
		err = wrongLength(d.root.Full(name), info.Size(), size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newObject(d.root.Full(name), f, want, false), nil
}

// wrongLength says that a file is not the one that was asked for.
func wrongLength(name string, got, want int64) error {
	class := fault.Tampered
	if got < want {
		class = fault.Truncated
	}
	return fault.New(class, "%s is %d bytes long, and the depot's signed data say %d", name, got, want).WithHint("%s", otherBytes)
}

const otherBytes = "the depot's files are not what its publisher signed: publish or mirror them again, all of them; behind a caching proxy, empty its cache"
