package rootfs

import (
	"io/fs"
	"os"
)

// identity keeps what the system asks for the file's number with.
type identity struct{ info fs.FileInfo }

func identityOf(info fs.FileInfo) identity { return identity{info} }

func (i identity) is(info fs.FileInfo) bool { return os.SameFile(i.info, info) }
