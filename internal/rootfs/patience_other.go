//go:build !windows

package rootfs

// patiently does it once: who has a file open keeps nobody from its name here.
func patiently(_ string, do func() error) error { return do() }
