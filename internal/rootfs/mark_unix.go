//go:build unix

package rootfs

import (
	"io/fs"
	"syscall"
)

type identity struct{ dev, ino uint64 }

func identityOf(info fs.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{uint64(st.Dev), st.Ino} // int32 on darwin
}

func (i identity) is(info fs.FileInfo) bool { return i == identityOf(info) }
