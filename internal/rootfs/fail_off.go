//go:build !failpoint

package rootfs

// point is the hook before every effect. Released builds have none.
func point(string, string) error { return nil }

// parts is how a write is done: in one. A test build does each in two halves,
// with the hook before either.
func parts(b []byte) [1][]byte { return [1][]byte{b} }
