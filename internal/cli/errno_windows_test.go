package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

const (
	fullDisk   = windows.ERROR_DISK_FULL
	readerGone = windows.ERROR_NO_DATA
)

// What another program keeps says so.
func TestOpenElsewhereHint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	name, err := syscall.UTF16PtrFromString(file)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.CREATE_NEW, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.CloseHandle(kept)
	_, err = os.ReadFile(file)
	if hint := hintOf(err); !strings.Contains(hint, "another program has it open") {
		t.Errorf("%v: %q", err, hint)
	}
}
