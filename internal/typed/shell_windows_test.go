package typed

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// What a program gets from cmd.exe are the words that were quoted.
func TestWordsReachAProgram(t *testing.T) {
	words := []string{"", "it's", `C:\my packs\`, `say "so"`, "a,b", "a;b", "x=y", "é", "{{.Added}}", "lib/*.jar", "-i"}
	if os.Getenv("TYPED_WORDS") == "1" {
		if got := os.Args[slices.Index(os.Args, "--")+1:]; !slices.Equal(got, words) {
			t.Errorf("%q, want %q", got, words)
		}
		return
	}
	line := Word(os.Args[0]) + " -test.run=TestWordsReachAProgram --"
	for _, w := range words {
		line += " " + Word(w)
	}
	cmd := exec.Command("cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /s /c "` + line + `"`}
	cmd.Env = append(os.Environ(), "TYPED_WORDS=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v: %s", err, out)
	}
}
