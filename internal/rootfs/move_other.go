//go:build !linux && !darwin && !windows

package rootfs

func (r *Root) moveExclusive(string, string) error { return errNoMove }
