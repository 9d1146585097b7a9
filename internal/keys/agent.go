package keys

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// dialAgent connects to an ssh agent: a Unix socket, or on Windows a named pipe.
func dialAgent(socket string) (io.ReadWriteCloser, error) {
	if socket == "" {
		socket = defaultAgent
	}
	if socket == "" {
		return nil, errors.New("SSH_AUTH_SOCK is not set")
	}
	if p := strings.ReplaceAll(socket, "/", `\`); strings.HasPrefix(p, `\\.\pipe\`) {
		return dialPipe(p)
	}
	return net.DialTimeout("unix", socket, 10*time.Second)
}
