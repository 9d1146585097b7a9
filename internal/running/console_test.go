package running

import "testing"

// What somebody types into is no product; what runs a script may be.
func TestConsoles(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  bool
	}{
		{nil, false},
		{[]string{`C:\Windows\System32\cmd.exe`}, true},
		{[]string{"cmd"}, true},
		{[]string{"CMD.EXE", "/k", "vars.bat"}, true},
		{[]string{`C:\Windows\System32\cmd.exe`, "/c", `bin\server.bat`}, false},
		{[]string{"cmd.exe", "/S", "/C", "server"}, false},
		{[]string{"cmd.exe", "/d", "/cserver"}, false},
		{[]string{"powershell.exe"}, true},
		{[]string{`C:/Program Files/PowerShell/7/pwsh.exe`, "-NoLogo"}, true},
		{[]string{"powershell.exe", "-noexit", "-command", "try { x } catch {}"}, true},
		{[]string{"powershell.exe", "-File", "server.ps1"}, false},
		{[]string{"pwsh", "server.ps1"}, false},
		{[]string{`\??\C:\WINDOWS\system32\conhost.exe`, "0x4"}, true},
		{[]string{`C:\acme\bin\cmdserver.exe`}, false},
		{[]string{"java.exe", "-jar", "cmd.exe"}, false},
	} {
		if got := isConsole(test.words); got != test.want {
			t.Errorf("%q: %v", test.words, got)
		}
	}
}
