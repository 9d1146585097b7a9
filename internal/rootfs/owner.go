package rootfs

// owner is who new files, folders and links of a Root are given to; nil: they stay the
// process's own.
type owner struct{ uid, gid int }

// GiveNewTo has files, folders and links that are made through r, and through what Sub
// opens, belong to another user, which only root can do. Call it before r is
// used by several goroutines.
func (r *Root) GiveNewTo(uid, gid int) { r.owner = &owner{uid, gid} }
