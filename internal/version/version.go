// Package version holds what this build is, and the versions the design fixes.
package version

import (
	"runtime"
	"strings"

	"golang.org/x/mod/semver"
)

// Minimum is the oldest importer that may apply a bundle unless the bundle asks for more.
const Minimum = "1.3.0"

// MarkerPrefix stands before the version inside every built binary, so that
// the version of a binary for another platform can be read without running it.
const MarkerPrefix = "packlift-tool-version:"

// The linker sets these (make build VERSION=… ), marker to MarkerPrefix, the
// version and ";". The defaults are for go test and go run; the linker leaves
// a default's bytes in the binary, so this one must not read as a marker.
var (
	marker = "1.3.0"
	date   = "2026-11-21"
)

// Info is what `version` prints.
type Info struct {
	Version string `json:"version"`
	Date    string `json:"release_date"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Go      string `json:"go_version"`
}

// Get returns this build's Info.
func Get() Info {
	return Info{Version: Current(), Date: date, OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
}

// Current is this build's version, MAJOR.MINOR.PATCH.
func Current() string {
	return strings.TrimSuffix(strings.TrimPrefix(marker, MarkerPrefix), ";")
}

// Valid reports whether v is MAJOR.MINOR.PATCH with an optional pre-release (semver.org 2.0.0).
func Valid(v string) bool {
	return len(v) <= 64 && semver.IsValid("v"+v) && semver.Canonical("v"+v) == "v"+v
}

// Compare orders two valid versions as semver does.
func Compare(a, b string) int { return semver.Compare("v"+a, "v"+b) }
