// The tool is an importer as far as a test needs one: it says its version, or
// misbehaves as the linker told it to.
package main

import (
	"os"
	"runtime"
	"time"
)

// The linker sets these.
var (
	marker = "" // packlift-tool-version:1.3.0; as the linker sets it for internal/version too
	says   = "" // the version it states, if another than the marked one
	does   = "" // "hang", "fail" or "chatter"
)

func main() {
	switch does {
	case "hang":
		time.Sleep(time.Hour)
	case "fail":
		panic("this tool does not work")
	case "chatter":
		for range 1 << 20 {
			os.Stdout.WriteString("words, words, words\n")
		}
	}
	if len(os.Args) != 3 || os.Args[1] != "version" || os.Args[2] != "--json" {
		panic("usage: version --json")
	}
	const prefix = "packlift-" + "tool-version:"
	if says == "" {
		says = marker[len(prefix) : len(marker)-1]
	}
	os.Stdout.WriteString(`{"message_type":"version","version":"` + says + `","os":"` + runtime.GOOS + `","arch":"` + runtime.GOARCH +
		`","environment":"` + os.Getenv("PACKLIFT_TEST_SECRET") + `"}` + "\n")
}
