// Package probe learns what an importer's executable is: its platform from the
// Go build information, its version from a marker in its bytes, and both from
// what it says when it is started.
//
// Limits: an executable has at most MaxSize bytes; started, it has Timeout,
// says at most maxOutput bytes, and gets an environment that holds nothing of
// the caller's but where temporary files lie and, on Windows, where the system is.
package probe

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"strings"

	"packlift/internal/version"
)

// MaxSize is the most bytes that an importer's executable may have.
const MaxSize = 512 << 20

// ErrNoMarker is what Marker gives for an executable that states no version.
var ErrNoMarker = errors.New("it holds no packlift version")

// Platform reads GOOS and GOARCH from the build information of a Go executable.
func Platform(r io.ReaderAt) (goos, goarch string, err error) {
	info, err := buildinfo.Read(r)
	if err != nil {
		return "", "", fmt.Errorf("no Go build information: %w", err)
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			goos = s.Value
		case "GOARCH":
			goarch = s.Value
		}
	}
	if goos == "" || goarch == "" {
		return "", "", errors.New("the build information names no platform")
	}
	return goos, goarch, nil
}

// Marker finds the version that the build left in the executable's bytes, "…
// packlift-tool-version:1.3.0;". Every marker in it says the same version; an
// executable with none, or with two that differ, is an error.
func Marker(r io.Reader) (string, error) {
	m := &markers{}
	buf := make([]byte, 1<<20)
	kept := 0
	for total := 0; ; {
		n, err := io.ReadFull(r, buf[kept:])
		if total += n; total > MaxSize {
			return "", fmt.Errorf("the executable is larger than %d bytes", MaxSize)
		}
		kept = m.scan(buf[:kept+n])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return m.result()
		}
		if err != nil {
			return "", err
		}
	}
}

// maxMarker is the longest marker: prefix, version, semicolon.
const maxMarker = len(version.MarkerPrefix) + 64 + 1

// markers collects the versions seen in a stream of windows.
type markers struct{ found []string }

// scan looks through one window and moves its tail, in which a marker may
// begin that ends in the next window, to the front; it returns the tail's length.
func (m *markers) scan(window []byte) int {
	rest := window
	for {
		i := bytes.Index(rest, []byte(version.MarkerPrefix))
		if i < 0 {
			break
		}
		rest = rest[i+len(version.MarkerPrefix):]
		v, _, ok := strings.Cut(string(rest[:min(len(rest), 65)]), ";")
		if ok && version.Valid(v) && (len(m.found) == 0 || m.found[len(m.found)-1] != v) {
			m.found = append(m.found, v)
		}
	}
	tail := min(len(window), maxMarker-1)
	return copy(window, window[len(window)-tail:])
}

func (m *markers) result() (string, error) {
	switch len(m.found) {
	case 1:
		return m.found[0], nil
	case 0:
		return "", ErrNoMarker
	}
	return "", fmt.Errorf("it holds several versions: %s", strings.Join(m.found[:2], ", "))
}
