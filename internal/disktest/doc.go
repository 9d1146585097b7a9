// Package disktest makes real file systems for tests: images on loop devices,
// formatted, mounted, cloned, and cleaned up after the test whatever its end.
//
// It needs root, loop devices and the mkfs of each kind; where one is missing
// the test is skipped with the reason.
package disktest
