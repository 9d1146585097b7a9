package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// No message writes a command for a pack by hand: internal/typed names the tool as it
// was called, and the pack. Help texts are of no pack at all.
func TestMessagesWriteNoCommandByHand(t *testing.T) {
	byHand := regexp.MustCompile(`packlift-import (` + strings.Join(packCommands(t), "|") + `)\b`)
	seen := 0
	for _, dir := range []string{"../apply", "../internal/pack", "../selfupdate", "internal/site", "internal/common"} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if kv, ok := n.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Example" {
						return false
					}
				}
				if v, ok := n.(*ast.ValueSpec); ok && strings.HasSuffix(v.Names[0].Name, "Long") {
					return false
				}
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					seen++
					if found := byHand.FindString(lit.Value); found != "" {
						t.Errorf("%s writes %q by hand: use typed.Import", name, found)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 1000 {
		t.Fatalf("only %d strings were looked at", seen)
	}
}

// packCommands are the importer's commands that have --pack.
func packCommands(t *testing.T) (out []string) {
	t.Helper()
	for _, c := range helps(t, "packlift-import") {
		if strings.Contains(c.text, "--pack DIR") {
			out = append(out, c.words[0])
		}
	}
	if len(out) < 15 {
		t.Fatalf("only %v have --pack", out)
	}
	return out
}

// help is what one command says of itself; words are those after the tool's name.
type help struct {
	words []string
	text  string
}

// helps runs a tool with --help for each of its commands, nested ones too.
func helps(t *testing.T, tool string) (out []help) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), tool)
	if err := goBuild("./"+tool, "", "", bin); err != nil {
		t.Fatal(err)
	}
	inList := regexp.MustCompile(`(?m)^  ([a-z-]+) `)
	var walk func(words []string)
	walk = func(words []string) {
		text, err := exec.Command(bin, append(words[:len(words):len(words)], "--help")...).Output()
		if err != nil {
			t.Fatalf("%s %v: %v", tool, words, err)
		}
		if len(words) > 0 {
			out = append(out, help{words, string(text)})
		}
		_, list, _ := strings.Cut(string(text), "\nCommands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range inList.FindAllStringSubmatch(list, -1) {
			if m[1] != "help" && m[1] != "completion" {
				walk(append(words[:len(words):len(words)], m[1]))
			}
		}
	}
	walk(nil)
	return out
}
