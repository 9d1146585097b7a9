//go:build unix

package running

import "syscall"

// sameGroup: pid is of this process's group, as all of one pipeline are.
func sameGroup(pid int32) bool {
	group, err := syscall.Getpgid(int(pid))
	return err == nil && group == syscall.Getpgrp()
}
