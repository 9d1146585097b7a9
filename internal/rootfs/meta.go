package rootfs

import (
	"errors"
	"io/fs"
	"math"
	"path"
	"runtime"
)

// ErrNoSyncFS says that a whole file system cannot be synced here: each file
// has to be.
var ErrNoSyncFS = errors.New("this system cannot sync a whole file system")

// SyncsFS: SyncFS is to be had.
const SyncsFS = runtime.GOOS == "linux"

// KeepsModes: a file's permission bits are what was set.
const KeepsModes = runtime.GOOS != "windows"

// Space is what a file system has left for the caller. Inodes is the largest
// number there is where the file system sets no limit. Block is the
// allocation unit in bytes. ReadOnly says that it, or its mount, takes no writes.
type Space struct {
	Bytes, Inodes uint64
	Block         int64
	ReadOnly      bool
	Kind          Kind
}

// Kind is a kind of file system, where it matters what one takes for a name.
type Kind int

// The kinds that are told apart. Ext is ext2 to ext4.
const (
	OtherKind Kind = iota
	Tmpfs
	Ext
	XFS
	Btrfs
	Overlay
)

const unlimited = math.MaxUint64

// Free tells the space left on the file system that holds name, or would if
// name were made: the nearest folder that exists decides.
func (r *Root) Free(name string) (Space, error) {
	for {
		info, err := r.Stat(name)
		if err == nil && info.IsDir() {
			return r.freeAt(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) || name == "." {
			return Space{}, err
		}
		name = path.Dir(name)
	}
}

// CopyMeta gives to the owner, group, access control list and extended
// attributes of from, as far as the process may. If from is a folder and to a
// file, the folder's default access list is the one that counts. Change modes
// after it, not before.
func (r *Root) CopyMeta(from, to string) error { return r.CopyMetaFrom(r, from, to) }
