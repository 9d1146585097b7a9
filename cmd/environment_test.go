package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Of what a tool reads of its environment: variables of its own between two runs, of
// test builds alone, and of a part that one tool does not use.
var unlisted = map[string][]string{
	"packlift-import": {"PACKLIFT_SELF_UPDATE_GUARD", "PACKLIFT_FAILPOINT", "SSH_AUTH_SOCK"},
	"packlift-export": {"PACKLIFT_SELF_UPDATE_GUARD", "PACKLIFT_FAILPOINT"},
}

// What libraries read for a tool.
var forLibraries = map[string][]string{
	"packlift-import": {"TMPDIR"},
	"packlift-export": {"TMPDIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "XDG_CACHE_HOME"},
}

// The calls whose argument is no constant: the flags' twins, the proxies, and what a
// tool that is only asked for its version is left with.
var computed = map[string]int{"internal/cli/env.go": 2, "internal/fetch/client.go": 1, "internal/probe/run.go": 1}

// help environment lists the variables that a tool reads, and no others.
func TestHelpListsTheVariablesThatAreRead(t *testing.T) {
	for _, tool := range []string{"packlift-import", "packlift-export"} {
		read, unclear := variables(t, tool)
		for file, n := range unclear {
			if computed[file] != n {
				t.Errorf("%s reads %d variables that are no constants, of which %d are known here", file, n, computed[file])
			}
		}
		read = slices.DeleteFunc(append(read, forLibraries[tool]...), func(v string) bool { return slices.Contains(unlisted[tool], v) })
		bin := filepath.Join(t.TempDir(), tool)
		if err := goBuild("./"+tool, "", "", bin); err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command(bin, "help", "environment").Output()
		if err != nil {
			t.Fatal(err)
		}
		flags := twinsOf(t, tool)
		listed := regexp.MustCompile(`\b[A-Z][A-Z0-9_]{3,}\b`).FindAllString(string(text), -1)
		for _, v := range read {
			if !slices.Contains(listed, v) && !flags[v] {
				t.Errorf("%s reads %s, which help environment does not list", tool, v)
			}
		}
		for _, v := range listed {
			if !slices.Contains(read, v) && !flags[v] && v != "PACKLIFT_" {
				t.Errorf("%s help environment lists %s, which is not read", tool, v)
			}
		}
		if len(read) < 5 || len(listed) < 5 {
			t.Errorf("%s: only %v are read, and %v listed", tool, read, listed)
		}
	}
}

// twinsOf are the variables of a tool's flags.
func twinsOf(t *testing.T, tool string) map[string]bool {
	out := map[string]bool{}
	for _, h := range helps(t, tool) {
		for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(h.text, -1) {
			out["PACKLIFT_"+strings.ToUpper(strings.ReplaceAll(m[1], "-", "_"))] = true
		}
	}
	return out
}

// variables are those that the packages of a tool read by os.Getenv and os.LookupEnv,
// and by file the number of calls that name none.
func variables(t *testing.T, tool string) (names []string, unclear map[string]int) {
	t.Helper()
	list, err := exec.Command("go", "list", "-deps", "./"+tool).Output()
	if err != nil {
		t.Fatal(err)
	}
	found, unclear := map[string]bool{}, map[string]int{}
	for _, p := range strings.Fields(string(list)) {
		dir, ours := strings.CutPrefix(p, "packlift/")
		if !ours {
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var trees []*ast.File
		var paths []string
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			trees, paths = append(trees, tree), append(paths, dir+"/"+filepath.Base(f))
		}
		consts := stringConstants(trees)
		for i, tree := range trees {
			lookups(tree, consts, found, func() { unclear[paths[i]]++ })
		}
	}
	return slices.Sorted(maps.Keys(found)), unclear
}

func lookups(tree *ast.File, consts map[string]string, found map[string]bool, unclear func()) {
	ast.Inspect(tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || f.Sel.Name != "Getenv" && f.Sel.Name != "LookupEnv" {
			return true
		}
		switch a := call.Args[0].(type) {
		case *ast.BasicLit:
			name, _ := strconv.Unquote(a.Value)
			found[name] = true
			return true
		case *ast.Ident:
			if name, ok := consts[a.Name]; ok {
				found[name] = true
				return true
			}
		}
		unclear()
		return true
	})
}

// stringConstants are a package's, by name.
func stringConstants(trees []*ast.File) map[string]string {
	out := map[string]string{}
	for _, tree := range trees {
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i >= len(v.Values) {
						continue
					}
					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						out[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
		}
	}
	return out
}
