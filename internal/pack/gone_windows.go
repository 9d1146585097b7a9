package pack

// processGone does not know: Windows gives locks back as the process ends.
func processGone(int) bool { return false }
