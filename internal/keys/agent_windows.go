package keys

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// defaultAgent is where the OpenSSH agent of Windows listens.
const defaultAgent = `\\.\pipe\openssh-ssh-agent`

// dialPipe opens a named pipe for synchronous use, which the agent's protocol
// of one answer a question needs no more than. SECURITY_IDENTIFICATION keeps a
// false agent from acting as this user.
func dialPipe(name string) (io.ReadWriteCloser, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING,
		windows.SECURITY_SQOS_PRESENT|windows.SECURITY_IDENTIFICATION, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(h), name), nil
}
