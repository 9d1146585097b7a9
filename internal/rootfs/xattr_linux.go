package rootfs

import "golang.org/x/sys/unix"

const missingXattr = unix.ENODATA
