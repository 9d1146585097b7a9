package rootfs

// FileLimit is the longest file that this process may write; here there is no limit.
func FileLimit() uint64 { return unlimited }
