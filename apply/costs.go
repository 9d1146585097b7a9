package apply

import "packlift/internal/rootfs"

// costs is what a file system takes for names and contents, in bytes. Of tmpfs
// and ext4 it is known to the block; of others what is said is enough.
type costs struct {
	kind  rootfs.Kind
	block int64
}

func (c costs) round(n int64) int64 { return (n + c.block - 1) / c.block * c.block }

// once is what a run takes however little it does: trees and allocation groups
// of file systems that make inodes as they go.
func (c costs) once() int64 {
	switch c.kind {
	case rootfs.Tmpfs, rootfs.Ext:
		return 0
	case rootfs.XFS:
		return 1 << 20 // each change of a folder asks for the most that it could need; most of it stays free
	}
	return 256 << 10
}

// inode is what an inode takes out of the free bytes.
func (c costs) inode() int64 {
	switch c.kind {
	case rootfs.XFS:
		return 512
	case rootfs.Btrfs:
		return 2 << 10 // its items and its names', in two copies
	}
	return 0
}

// extents of one block each are told apart in a leaf of 12 bytes an extent
// (ext4: ext4_extent_header, ext4_extent).
const (
	extentSize   = 12
	extentBlocks = 32768
	inodeExtents = 4
)

// maxInline is the largest file that btrfs keeps among its items.
const maxInline = 2048

func (c costs) file(size int64) int64 {
	n := c.round(size)
	if c.kind == rootfs.Btrfs && size <= maxInline {
		return 2*size + c.inode()
	}
	if blocks := n / c.block; c.kind == rootfs.Ext && blocks > inodeExtents*extentBlocks {
		leaf := (c.block - extentSize) / extentSize * extentBlocks
		n += (blocks + leaf - 1) / leaf * c.block
	}
	return n + c.inode()
}

// scattered is what files of so many bytes take for the list of their places
// where free space lies in pieces, as it does on a disk that is nearly full.
func (c costs) scattered(large int64) int64 {
	if c.kind != rootfs.Ext {
		return 0
	}
	return large / 64 / c.block * c.block
}

// link: short targets stand in the inode (tmpfs: SHORT_SYMLINK_LEN; ext4: i_block).
func (c costs) link(target string) int64 {
	n := int64(len(target)) + 1
	switch {
	case c.kind == rootfs.Tmpfs && n <= 128, c.kind == rootfs.Ext && n <= 60, c.kind == rootfs.XFS && n <= 300, c.kind == rootfs.Btrfs:
		return c.inode()
	}
	return c.round(n) + c.inode()
}

// entry is what a folder needs for one name.
func (c costs) entry(name string) int64 {
	n := int64(len(name))
	if c.kind == rootfs.XFS {
		return (n + 12 + 7) / 8 * 16 // the entry, and its place in the hashes
	}
	return (n + 8 + 3) / 4 * 4 // ext4_dir_entry_2
}

// fill is how full, in percent, the blocks of a hashed folder are that is made
// by splitting each in two halves.
const fill = 64

// folder is what a new folder takes whose names need used bytes.
func (c costs) folder(used int64) int64 {
	switch c.kind {
	case rootfs.Tmpfs:
		return 0
	case rootfs.Btrfs:
		return c.inode()
	case rootfs.XFS:
		if used <= 300 {
			return c.inode()
		}
		return c.round(used*100/fill) + c.inode()
	}
	if room := c.room(); used+dots > room {
		leaves := (used*100/fill + room - 1) / room
		return (leaves + 1 + leaves/500) * c.block
	}
	return c.block
}

const dots = 24 // the entries . and .. of ext4

func (c costs) room() int64 { return c.block - 12 } // less the checksum's entry

// growth is what a folder takes more that now is size bytes long and holds names
// of used bytes, for more bytes of names. In a hashed folder it is what is
// likely: nobody sees where its blocks are full.
func (c costs) growth(size, used, more int64) int64 {
	switch {
	case c.kind == rootfs.Tmpfs || c.kind == rootfs.Btrfs:
		return 0
	case size <= c.block:
		return max(c.folder(used+more)-max(c.folder(used), size), 0)
	}
	return (more*100/fill + c.room()/2) / c.room() * c.block
}
