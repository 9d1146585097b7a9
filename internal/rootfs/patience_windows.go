package rootfs

import (
	"errors"
	"time"

	"golang.org/x/sys/windows"
)

// Scanners and indexers look at files that are new or were moved, for moments, and
// some let nobody rename or remove them meanwhile.
const (
	patience   = 2 * time.Second
	firstPause = 5 * time.Millisecond
)

// patiently repeats what another program's open file is in the way of. A rename over
// such a file is refused with "access denied" (FILE_RENAME_INFORMATION, Microsoft).
func patiently(op string, do func() error) error {
	end := time.Now().Add(patience)
	for pause := firstPause; ; pause *= 2 {
		err := do()
		again := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || op == opRename && errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !again || time.Now().Add(pause).After(end) {
			return err
		}
		time.Sleep(pause)
	}
}
