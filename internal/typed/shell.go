package typed

import (
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
)

// shell writes what is typed on one kind of system.
type shell struct {
	word                 func(string) string
	list, remove, rights string // commands that take one path
	compare              func(name string) string
}

var (
	posix   = shell{posixWord, "ls", "rm", "chmod u+rwX", posixCompare}
	windows = shell{windowsWord, "dir", "del", "icacls", windowsCompare}
)

// ours is the shell of this system.
func ours() shell {
	if runtime.GOOS == "windows" {
		return windows
	}
	return posix
}

// Word quotes s where a shell of this system would take it apart.
func Word(s string) string { return ours().word(s) }

// List is the command that lists a folder.
func List(dir string) string { return ours().list + " " + Word(dir) }

// Remove is the command that removes a file.
func Remove(name string) string { return ours().remove + " " + Word(name) }

// Rights is the command that gives this user the right to read and change a path; on
// Windows, where whose it is to give differs, the one that shows who has it.
func Rights(name string) string { return ours().rights + " " + Word(name) }

// Compare is what holds a file against the sum beside it, NAME.sha256.
func Compare(name string) string { return ours().compare(name) }

func posixWord(s string) string {
	if isPlain(s, "-_./=:,@%+", func(r rune) bool { return r > 127 }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// windowsWord quotes for cmd.exe, and for PowerShell as far as both read the same:
// double quotes, before which a backslash is doubled ("Parsing C command-line
// arguments", Microsoft). A comma makes two words of one in PowerShell, and quotes
// and dashes beyond ASCII end a string there.
func windowsWord(s string) string {
	if isPlain(s, `-_./\=:+`, unicode.IsLetter) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range s {
		switch r {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteRune(r)
	}
	return b.String() + strings.Repeat(`\`, slashes) + `"`
}

// isPlain: s is a word as it stands, of ASCII letters and digits, marks and others.
func isPlain(s, marks string, others func(rune) bool) bool {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(marks, r) || r > 127 && others(r))
	}
	return s != "" && strings.IndexFunc(s, special) < 0
}

// posixCompare goes to the folder first: the sum names the file without it.
func posixCompare(name string) string {
	text := "sha256sum -c " + posixWord(filepath.Base(name)+".sha256")
	if dir := filepath.Dir(name); dir != "." {
		text = "(cd " + posixWord(dir) + " && " + text + ")"
	}
	return text
}

func windowsCompare(name string) string {
	return "certutil -hashfile " + windowsWord(name) + " SHA256 shows what " + windowsWord(name+".sha256") + " must say"
}
