package rootfs

import "golang.org/x/sys/unix"

func blockSize(st *unix.Statfs_t) int64 { return int64(st.Bsize) }

func isReadOnly(st *unix.Statfs_t) bool { return st.Flags&unix.MNT_RDONLY != 0 }

func kindOf(*unix.Statfs_t) Kind { return OtherKind }

// SyncFS always returns ErrNoSyncFS here.
func (r *Root) SyncFS() error { return ErrNoSyncFS }

// StartWriteback does nothing here.
func (f *File) StartWriteback(off, n int64) {}

func (r *Root) plainFolder(string) bool { return false }

func renameNew(a int, from string, b int, to string) error {
	return unix.RenameatxNp(a, from, b, to, unix.RENAME_EXCL)
}
