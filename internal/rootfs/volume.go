package rootfs

import "path"

// Volume is what a rename cannot leave. Two names may be renamed to each other
// only if their Volumes are equal: a bind mount has its file system's device
// number, and is another Volume all the same.
type Volume struct{ Device, Mount uint64 }

// MountPoint reports whether name itself begins a Volume: something is mounted
// there, so that it can be neither moved nor removed.
func (r *Root) MountPoint(name string) (bool, error) {
	if name == "." {
		return true, nil
	}
	here, err := r.Volume(name)
	if err != nil {
		return false, err
	}
	above, err := r.Volume(path.Dir(name))
	return here != above, err
}
