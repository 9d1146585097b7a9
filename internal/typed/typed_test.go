package typed

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// quotedHere has the quotes of this system in the place of < and >.
func quotedHere(s string) string {
	quote := "'"
	if runtime.GOOS == "windows" {
		quote = `"`
	}
	return strings.NewReplacer("<", quote, ">", quote).Replace(s)
}

func TestCommands(t *testing.T) {
	defer Here(Way{})
	for _, test := range []struct {
		way                      Way
		recover, version, update string
	}{
		{Way{}, "packlift-import recover", "packlift-import version", "packlift-export update PACK --revert"},
		{Way{Pack: "/opt/pack", Found: true}, "packlift-import recover", "packlift-import version", "packlift-export update /opt/pack --revert"},
		{Way{Pack: "my pack", Importer: "./x y/packlift-import", Exporter: "./packlift-export"},
			"<./x y/packlift-import> recover --pack <my pack>", "<./x y/packlift-import> version", "./packlift-export update <my pack> --revert"},
	} {
		Here(test.way)
		for got, want := range map[string]string{
			Import("recover"): test.recover, ImportAnywhere("version"): test.version, ExportUpdate("--revert"): test.update,
		} {
			if want = quotedHere(want); got != want {
				t.Errorf("%+v: %s, want %s", test.way, got, want)
			}
		}
	}
}

func TestBundles(t *testing.T) {
	defer func() { Here(Way{}); Opens("", nil) }()
	if got := ImportBundle("heal"); got != "packlift-import heal BUNDLE" {
		t.Error(got)
	}
	Opens("the stick/b.packlift", []string{"my key", "k2"})
	Here(Way{Pack: "p"})
	if got, want := ImportBundle("heal"), quotedHere("packlift-import heal <the stick/b.packlift> --pack p -i <my key> -i k2"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPackArgument(t *testing.T) {
	defer Here(Way{})
	for way, want := range map[*Way]string{{}: "with --pack DIR", {Exporter: "packlift-export", Pack: "p"}: "as PACK"} {
		if Here(*way); PackArgument() != want {
			t.Errorf("%+v: %s, want %s", way, PackArgument(), want)
		}
	}
}

// A program is called by its bare name only where a shell finds the same file by it.
func TestProgram(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, name := range []string{filepath.Join(dir, "tool.exe"), filepath.Join(other, "tool.exe")} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if got := Program(filepath.Join(dir, "tool.exe")); got != "tool.exe" {
		t.Errorf("on the path: %s", got)
	}
	if name := filepath.Join(other, "tool.exe"); Program(name) != name {
		t.Errorf("another of the name is on the path: %s", Program(name))
	}
	if Self() != os.Args[0] {
		t.Errorf("not on the path: %s", Self())
	}
	if name := "bin/no-such-tool"; Program(name) != filepath.FromSlash(name) {
		t.Errorf("typed with a slash: %s", Program(name))
	}
}
