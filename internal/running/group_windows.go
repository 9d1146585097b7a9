package running

// sameGroup: there are no groups, and a parent in common has to do.
func sameGroup(int32) bool { return true }
