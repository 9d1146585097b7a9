package hooks

import (
	"os/exec"
	"strconv"
	"syscall"
)

// shell runs a command as it is written: cmd.exe takes quotes its own way.
func shell(command string) *exec.Cmd {
	cmd := exec.Command("cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /s /c "` + command + `"`, CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
	return cmd
}

// killAll ends the command and its children.
func killAll(cmd *exec.Cmd) {
	_ = exec.Command("taskkill", "/t", "/f", "/pid", strconv.Itoa(cmd.Process.Pid)).Run()
	_ = cmd.Process.Kill()
}
