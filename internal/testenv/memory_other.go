//go:build !linux

package testenv

// Memory is a folder in memory for files of so many bytes in all, programs to run among them or
// not; "" where there is none.
func Memory(int64, bool) string { return "" }
