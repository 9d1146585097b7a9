package testenv

import "golang.org/x/sys/unix"

const memory = "/dev/shm"

// Memory is a folder in memory for files of so many bytes in all, programs to run among them or not;
// "" where there is none. In many containers it is small, and nothing may be run from there.
func Memory(need int64, programs bool) string {
	var fs unix.Statfs_t
	if unix.Statfs(memory, &fs) != nil || unix.Access(memory, unix.W_OK) != nil || int64(fs.Bavail) < need/fs.Bsize || programs && fs.Flags&unix.ST_NOEXEC != 0 {
		return ""
	}
	return memory
}
