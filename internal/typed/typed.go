// Package typed writes commands as whoever runs this process types them next:
// a message's command can be pasted as it stands, from the same place.
//
// How the importer is called and where the pack lies are facts of the process, as
// os.Args is: whoever parses the command line says them once (Here), and every
// package that tells what to type asks for them. Before that, and in tests of
// libraries, the plain names stand.
package typed

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// The two tools.
const (
	Importer = "packlift-import"
	Exporter = "packlift-export"
)

// Way is how this run reaches a pack. The words are not quoted.
type Way struct {
	Importer string // "": packlift-import
	Exporter string // "": packlift-export
	Pack     string // the pack's folder
	Found    bool   // the importer finds the pack by itself, from where it is called

	Bundle     string   // that is opened; "": none, or one that cannot be named again
	Identities []string // that open it, where any were given
}

var here struct {
	sync.Mutex
	Way
}

// Here says how the pack of this run is reached; what Opens said stays.
func Here(w Way) {
	here.Lock()
	defer here.Unlock()
	w.Bundle, w.Identities = here.Bundle, here.Identities
	here.Way = w
}

// Opens says which bundle this run opens, and with which identities.
func Opens(bundle string, identities []string) {
	here.Lock()
	defer here.Unlock()
	here.Bundle, here.Identities = bundle, identities
}

func way() Way {
	here.Lock()
	defer here.Unlock()
	return here.Way
}

// Import is a command of the importer for this run's pack; its words are as a shell takes them.
func Import(words string) string {
	w := way()
	text := ImportAnywhere(words)
	if w.Pack != "" && !w.Found {
		text += " --pack " + Word(w.Pack)
	}
	return text
}

// ImportBundle is Import with the bundle that this run opens, and what opens it.
func ImportBundle(words string) string {
	bundle := "BUNDLE"
	if w := way(); w.Bundle != "" {
		bundle = Word(w.Bundle)
	}
	return Import(words+" "+bundle) + Keys()
}

// Keys are the flags of the identities that this run was given, each after a space.
func Keys() (out string) {
	for _, name := range way().Identities {
		out += " -i " + Word(name)
	}
	return out
}

// ImportAnywhere is a command of the importer that takes no pack, or another.
func ImportAnywhere(words string) string { return command(way().Importer, Importer, words) }

// PackArgument is how this run's command names a pack.
func PackArgument() string {
	if way().Exporter != "" {
		return "as PACK"
	}
	return "with --pack DIR"
}

// ExportUpdate is the exporter's update of this run's pack.
func ExportUpdate(words string) string {
	w := way()
	dir := w.Pack
	if dir == "" {
		dir = "PACK"
	}
	return command(w.Exporter, Exporter, "update "+Word(dir)+" "+words)
}

func command(tool, otherwise, words string) string {
	if tool == "" {
		tool = otherwise
	}
	return Word(tool) + " " + words
}

// Self is the word that started this process: the bare name where a shell finds this
// program by it, else the path as it was typed.
func Self() string {
	exe, err := os.Executable()
	if err != nil {
		return filepath.FromSlash(os.Args[0])
	}
	return short(filepath.Base(os.Args[0]), exe, os.Args[0])
}

// Program is the word that starts the program at path, for Way.
func Program(path string) string { return short(filepath.Base(path), path, path) }

func short(name, file, otherwise string) string {
	if found, err := exec.LookPath(name); err == nil && sameFile(found, file) {
		return name
	}
	return filepath.FromSlash(otherwise) // cmd.exe starts nothing by a path with slashes
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}
