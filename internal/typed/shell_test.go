package typed

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// What Word quotes is what a shell takes apart into the same words.
func TestWordIsReadByAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil && runtime.GOOS == "windows" {
		t.Skip("Windows need not have a POSIX shell")
	}
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"", "it's", "$HOME", "a\nb", "{{.Added}}", `back\slash`, "*", "é", "~", "#x", "plain-1_2.x/y"}
	line := ""
	for _, w := range words {
		line += " " + posixWord(w)
	}
	out, err := exec.Command(sh, "-c", "printf '%s\\0'"+line).Output()
	if got, want := string(out), strings.Join(words, "\x00")+"\x00"; got != want || err != nil {
		t.Errorf("%q (%v)", got, err)
	}
	if posixWord("plain-1_2.x/y") != "plain-1_2.x/y" {
		t.Error("quoted in vain")
	}
}

// A drive, folders with backslashes and flags stand as they are; all else is in double
// quotes, which cmd.exe and PowerShell both know, and single ones only the latter.
func TestWindowsWords(t *testing.T) {
	for word, want := range map[string]string{
		`C:\packs\acme-2.1.0\bin\packlift-import.exe`: `C:\packs\acme-2.1.0\bin\packlift-import.exe`,
		"--level=5":                     "--level=5",
		"großer":                        "großer",
		"":                              `""`,
		`C:\Program Files\acme`:         `"C:\Program Files\acme"`,
		`C:\my packs\`:                  `"C:\my packs\\"`,
		`\\server\share (x)\b.packlift`: `"\\server\share (x)\b.packlift"`,
		"it's":                          `"it's"`,
		`say "so"`:                      `"say \"so\""`,
		`end\"`:                         `"end\\\""`,
		"a,b":                           `"a,b"`,
		"100%":                          `"100%"`,
		"a&b":                           `"a&b"`,
		"don’t":                         `"don’t"`,
		"lib/*.jar":                     `"lib/*.jar"`,
	} {
		if got := windowsWord(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}

// Each system's commands are its own.
func TestSystemCommands(t *testing.T) {
	if got, want := posixCompare("the stick/b.packlift"), "(cd 'the stick' && sha256sum -c b.packlift.sha256)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := posixCompare("b.packlift"), "sha256sum -c b.packlift.sha256"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := windowsCompare(`E:\the stick\b.packlift`),
		`certutil -hashfile "E:\the stick\b.packlift" SHA256 shows what "E:\the stick\b.packlift.sha256" must say`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	verbs := map[bool][3]string{false: {"ls x", "rm x", "chmod u+rwX x"}, true: {"dir x", "del x", "icacls x"}}
	if got, want := [3]string{List("x"), Remove("x"), Rights("x")}, verbs[runtime.GOOS == "windows"]; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
