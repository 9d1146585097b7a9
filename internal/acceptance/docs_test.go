package acceptance

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// documents lists every Markdown file of the project.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(top, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && full != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "dist") {
			return fs.SkipDir
		}
		if strings.HasSuffix(full, ".md") {
			rel, _ := filepath.Rel(top, full)
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil || len(names) < 8 {
		t.Fatalf("%d documents found (%v)", len(names), err)
	}
	return names
}

// TestDependenciesAreExplained wants docs/dependencies.md to name the modules of go.mod, each once, and no others.
func TestDependenciesAreExplained(t *testing.T) {
	required := regexp.MustCompile(`(?m)^\t(\S+) v\S+`)
	explained := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	var want, got []string
	for _, m := range required.FindAllStringSubmatch(read(t, "go.mod"), -1) {
		want = append(want, m[1])
	}
	for _, m := range explained.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(want, got) {
		t.Errorf("go.mod has\n%s\ndocs/dependencies.md has\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// TestLinksOfDocuments wants each relative link to lead to a file of the project.
func TestLinksOfDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)
	for _, name := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if _, err := os.Stat(filepath.Join(top, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
}

// TestMakeTargetsOfDocuments wants each `make TARGET` in a document to be one of the Makefile.
func TestMakeTargetsOfDocuments(t *testing.T) {
	makefile := read(t, "Makefile")
	named := regexp.MustCompile("(?:`|(?m)^)make ([a-z-]+)")
	for _, name := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(read(t, name), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: the Makefile has no target %s", name, m[1])
			}
		}
	}
}

// usage is one command line of a document.
type usage struct {
	document, line, program string
	words                   []string // behind the program
}

// usages finds the command lines of both tools in the sh blocks of a document;
// T is the pack's own importer.
func usages(document, text string) []usage {
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	program := regexp.MustCompile(`(?:^|\s|/)(packlift-export|packlift-import|T)\s+([a-z].*)$`)
	var all []usage
	for _, b := range block.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(b[1], "\\\n", " ")) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			m := program.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			name := m[1]
			if name == "T" {
				name = "packlift-import"
			}
			words, _, _ := strings.Cut(m[2], "|")
			all = append(all, usage{document, line, name, strings.Fields(words)})
		}
	}
	return all
}

// TestCommandsOfDocuments wants each command line in a document to name a
// command and flags that the tool's help shows.
func TestCommandsOfDocuments(t *testing.T) {
	seen := 0
	for _, name := range documents(t) {
		for _, u := range usages(name, read(t, name)) {
			seen++
			checkUsage(t, u)
		}
	}
	if seen < 15 {
		t.Errorf("only %d command lines found", seen)
	}
}

func checkUsage(t *testing.T, u usage) {
	t.Helper()
	command := u.words[:1]
	if len(u.words) > 1 && slices.Contains([]string{"trust", "log", "help", "backup", "depot"}, u.words[0]) {
		command = u.words[:2]
	}
	args := append(slices.Clone(command), "--help")
	if command[0] == "help" {
		args = command
	}
	r := run(t, t.TempDir(), tool(t, u.program), args...)
	if r.code != 0 {
		t.Errorf("%s: %q: no such command: %s", u.document, u.line, r.out)
		return
	}
	for _, word := range u.words[len(command):] {
		flag, _, _ := strings.Cut(word, "=")
		if !strings.HasPrefix(flag, "-") || flag == "-" {
			continue
		}
		if !regexp.MustCompile(`(?m)(^|\s|,)` + regexp.QuoteMeta(flag) + `(\s|,|$)`).MatchString(r.out) {
			t.Errorf("%s: %q: the help shows no %s", u.document, u.line, flag)
		}
	}
}
