package cli

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// What Again says is what a shell takes apart into the same words.
func TestAgainIsReadByAShell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("words are quoted for the system's own shell, which package typed tests")
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"./a b/tool", "apply-update", "", "it's", "$HOME", "a\nb", "--template={{.Added}}", `back\slash`, "*", "é", "~", "#x"}
	before := os.Args
	defer func() { os.Args = before }()
	os.Args = args
	out, err := exec.Command(sh, "-c", "for w in "+Again()+`; do printf '%s\0' "$w"; done`).Output()
	if got, want := string(out), strings.Join(args, "\x00")+"\x00"; got != want || err != nil {
		t.Errorf("%q is read as %q (%v)", Again(), got, err)
	}
	if os.Args = []string{"packlift-import", "verify", "x.packlift"}; Again() != "packlift-import verify x.packlift" {
		t.Errorf("quoted in vain: %s", Again())
	}
}

func TestJSONIsAskedFor(t *testing.T) {
	for args, want := range map[string]bool{
		"act --frob --json": true, "act --json=true --frob": true, "act --frob": false, "act --frob -- --json": false,
	} {
		code, out, _ := run(t, say, strings.Fields(args)...)
		if code != 64 || strings.HasPrefix(out, `{"message_type":"error",`) != want {
			t.Errorf("%s: %d %q", args, code, out)
		}
	}
}

func TestHelpAsJSON(t *testing.T) {
	for _, args := range []string{"help exit-codes --json", "act --json --help", "--json --help"} {
		code, out, errs := run(t, say, strings.Fields(args)...)
		if code != 0 || errs != "" || !strings.HasPrefix(out, `{"message_type":"help","topic":"tool`) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %d %q %q", args, code, out, errs)
		}
	}
}

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(math.MaxInt64)
	t.Setenv("GOMEMLIMIT", "1GiB")
	if LimitMemory(64 << 20); debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Error("the environment does not win")
	}
	t.Setenv("GOMEMLIMIT", "")
	if LimitMemory(64 << 20); debug.SetMemoryLimit(-1) != 64<<20 {
		t.Error("there is no limit")
	}
}

// The tool is named as the system's own shell starts it.
func TestAgainNamesTheTool(t *testing.T) {
	before := os.Args
	defer func() { os.Args = before }()
	os.Args = []string{"bin/tool", "a/b"}
	if got, want := Again(), filepath.FromSlash("bin/tool")+" a/b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A secret on the command line is not repeated, however it was written.
func TestAgainHidesSecrets(t *testing.T) {
	before := os.Args
	defer func() { os.Args, hiddenWords.list = before, nil }()
	os.Args = []string{"t", "-p", "se cret", "--password=se cret", "-pse cret", "se cret-file", "dir/se cret"}
	HideWord("")
	HideWord("se cret")
	quote := "'"
	if runtime.GOOS == "windows" {
		quote = `"`
	}
	if got := Again(); got != strings.ReplaceAll("t -p '***' '--password=***' '-p***' 'se cret-file' 'dir/se cret'", "'", quote) {
		t.Error(got)
	}
}
