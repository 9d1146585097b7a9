package depot

import (
	"context"
	"fmt"
	"os"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// folder is a depot on this machine's disks.
type folder struct{ root *rootfs.Root }

func (f folder) Small(_ context.Context, name string, max int64) ([]byte, error) {
	return f.root.ReadFile(name, max)
}

func (f folder) Object(ctx context.Context, name string, size int64, sha256 manifest.Digest) (Object, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	if err := matches(file, size, sha256); err != nil {
		file.Close()
		return nil, fault.New(fault.ClassOf(err), "%s: %w", f.root.Full(name), err)
	}
	return file, ctx.Err()
}

// matches compares a file with what is stated of it, and goes back to its front.
func matches(f *os.File, size int64, sha256 manifest.Digest) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != size {
		return fault.New(fault.Tampered, "has %d bytes, %d are stated", info.Size(), size)
	}
	got, _, err := pack.HashFile(f)
	if err != nil {
		return err
	}
	if got != sha256 {
		return fault.New(fault.Tampered, "has SHA-256 %s, %s is stated", got, sha256)
	}
	_, err = f.Seek(0, 0)
	return err
}

// OpenFolder opens a depot that lies in a folder.
func OpenFolder(dir string) (Source, error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return nil, fault.New(fault.Usage, "depot: %w", err).WithHint("give the depot's folder, or its URL, with --depot")
	}
	return folder{root}, nil
}

func tampered(name string, format string, args ...any) error {
	return fault.New(fault.Tampered, "the depot's %s %w", name, fmt.Errorf(format, args...)).
		WithHint("check the depot where it is kept: packlift-export depot check --depot DIR --trust DIR; a mirror is copied again")
}
