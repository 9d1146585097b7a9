package running

import (
	"slices"
	"strings"
)

// consoles are the programs of Windows in whose windows shells run. Where the shell
// stands when it opens one, they stand too.
var consoles = []string{"conhost", "openconsole", "windowsterminal"}

// isConsole: on Windows, where nothing tells who waits on a terminal, a window with a
// shell for somebody to type into, and not one that runs a script.
func isConsole(words []string) bool {
	if len(words) == 0 {
		return false
	}
	name := strings.ToLower(words[0][strings.LastIndexAny(words[0], `\/`)+1:])
	switch name = strings.TrimSuffix(name, ".exe"); name {
	case "cmd":
		return !slices.ContainsFunc(words[1:], func(w string) bool {
			w = strings.ToLower(w)
			return strings.HasPrefix(w, "/c") || strings.HasPrefix(w, "/r")
		})
	case "powershell", "pwsh":
		return onlyFlags(words[1:])
	}
	return slices.Contains(consoles, name)
}

// onlyFlags: PowerShell is given nothing to run, or stays after it.
func onlyFlags(words []string) bool {
	harmless := true
	for _, w := range words {
		switch w = strings.ToLower(strings.TrimLeft(w, "-/")); w {
		case "noexit":
			return true
		case "nologo", "noprofile", "nop", "interactive", "login":
		default:
			harmless = false
		}
	}
	return harmless
}
