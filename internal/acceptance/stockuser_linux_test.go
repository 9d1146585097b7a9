package acceptance

import (
	"os"
	"os/exec"
	"os/user"
	"strings"
	"syscall"
	"testing"
)

// Who has a number and no name is told so by the script: ssh-keygen does nothing for
// them, which else reads as a signature that does not fit.
func TestStockToolsOfNobodyKnown(t *testing.T) {
	needStock(t)
	const uid = 54321
	if _, err := user.LookupId("54321"); err == nil || os.Getuid() != 0 {
		t.Skip("needs root, and a number that no user has")
	}
	text, err := os.Open(script) // where it lies that user may not read
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	cmd := exec.Command("sh", "-s", "--", "bundle", "trust")
	cmd.Dir, cmd.Stdin, cmd.Env = "/", text, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "FAILED  ssh-keygen: this user (54321) has no name") {
		t.Errorf("%v\n%s", err, out)
	}
}
