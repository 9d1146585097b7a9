// Package layers holds the project's structural rules, and its test holds the
// project to them. It parses source with go/parser, build tags ignored, so
// that no platform's file and no cached result escapes.
//
// The rules, for every Go file but tests:
//   - a package imports only packages of a lower layer (Layers);
//   - bundle and verify import nothing that reaches files, processes or nets;
//   - net/http stands only in internal/fetch, which nothing of the importer imports: what it
//     links travels in every bundle;
//   - os.Exit and log.Fatal stand only in internal/cli;
//   - file effects stand only in internal/rootfs;
//   - a function has at most MaxLines lines.
//
// Developer tools (Tools) are free of the rules on imports, exits and
// effects; no other package may import them.
package layers

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the project's module path.
const Module = "packlift"

// MaxLines is the most lines that a function may have, first and last included.
const MaxLines = 60

// Layers lists folders from the lowest layer up; a folder stands for all
// beneath it, the longest match counts. A package may import lower layers,
// and the folders beneath itself.
var Layers = [][]string{
	{"internal/count", "internal/fault", "internal/regular", "internal/safepath", "internal/typed", "internal/version"},
	{"internal/manifest", "internal/probe", "internal/sigfiles"},
	{"internal/rootfs"},
	{"internal/fetch"},
	{"internal/pack", "internal/keys", "internal/merge", "internal/hooks", "internal/running"},
	{"bundle/lzma2", "bundle/delta/deflate", "bundle/delta/inflate", "bundle/delta/match", "bundle/delta/streams"},
	{"bundle/delta/bytediff", "bundle/delta/zipfile"},
	{"bundle/delta", "bundle/sshsig", "bundle/tarball", "bundle/xzpar"},
	{"bundle"},
	{"verify"},
	{"internal/depot", "internal/summary"},
	{"internal/export", "apply", "selfupdate"},
	{"internal/cli"},
	{"cmd/internal/common"},
	{"cmd/internal/site"},
	{"cmd/packlift-export", "cmd/packlift-import"},
}

// Tools are the developers' programs and test helpers.
var Tools = []string{"internal/acceptance", "internal/bench", "internal/demo", "internal/disktest", "internal/layers", "internal/release", "internal/testenv", "internal/webtest", "testdata"}

// pure are the folders that work on bytes alone.
var pure = []string{"bundle", "verify"}

// impure is what pure folders may not import; a trailing slash means all beneath.
var impure = []string{"os", "os/", "io/ioutil", "path/filepath", "net", "net/", "syscall", "golang.org/x/sys/",
	Module + "/internal/rootfs", Module + "/internal/fetch", Module + "/internal/pack", Module + "/internal/depot"}

// webbed is the only folder that imports net/http, and unwebbed are those that may not import it.
var (
	webbed   = "internal/fetch"
	unwebbed = []string{"apply", "selfupdate", "internal/cli", "internal/pack", "internal/keys", "cmd/internal", "cmd/packlift-import"}
)

// effects are the functions, by import path, that change files.
var effects = map[string][]string{
	"os": {"Chmod", "Chown", "Chtimes", "CopyFS", "Create", "CreateTemp", "Lchown", "Link", "Mkdir", "MkdirAll", "MkdirTemp",
		"OpenRoot", "OpenInRoot", "Remove", "RemoveAll", "Rename", "Symlink", "Truncate", "WriteFile"},
	"io/ioutil": {"TempDir", "TempFile", "WriteFile"},
	"syscall": {"Chmod", "Chown", "Creat", "Fchmod", "Fchown", "Ftruncate", "Lchown", "Link", "Mkdir", "Rename", "Rmdir", "Symlink",
		"Truncate", "Unlink", "UtimesNano"},
	"golang.org/x/sys/unix": {"Chmod", "Chown", "Fchmodat", "Fchownat", "Lchown", "Link", "Linkat", "Lsetxattr", "Mkdir", "Mkdirat", "Rename",
		"Renameat", "Renameat2", "Rmdir", "Setxattr", "Symlink", "Symlinkat", "Truncate", "Unlink", "Unlinkat", "UtimesNanoAt"},
	"golang.org/x/sys/windows": {"CreateHardLink", "DeleteFile", "MoveFile", "MoveFileEx", "RemoveDirectory"},
}

// exits are the functions, by import path, that end the process.
var exits = map[string][]string{
	"os":  {"Exit"},
	"log": {"Fatal", "Fatalf", "Fatalln"},
}

// under reports whether dir is folder or lies beneath it.
func under(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

func underAny(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return under(dir, f) })
}

// layerOf gives the layer of a folder and the listed folder that stands for
// it; -1 when none does.
func layerOf(dir string) (int, string) {
	layer, best := -1, ""
	for i, folders := range Layers {
		for _, folder := range folders {
			if under(dir, folder) && len(folder) > len(best) {
				layer, best = i, folder
			}
		}
	}
	return layer, best
}

// Check returns what the rules have against one parsed file; name is its
// slash-separated path from the top of the project.
func Check(fset *token.FileSet, name string, file *ast.File) []string {
	dir := path.Dir(name)
	found := long(fset, name, file)
	if underAny(dir, Tools) {
		return found
	}
	layer, room := layerOf(dir)
	if layer < 0 {
		return append(found, fmt.Sprintf("%s: folder %s stands in no layer", name, dir))
	}
	found = append(found, imports(name, dir, file, layer, room)...)
	if room != "internal/cli" {
		found = append(found, calls(fset, name, file, exits, "ends the process outside internal/cli")...)
	}
	if room != "internal/rootfs" {
		found = append(found, calls(fset, name, file, effects, "is a file effect outside internal/rootfs")...)
		found = append(found, writableOpens(fset, name, file)...)
	}
	return found
}

// long finds functions over MaxLines lines.
func long(fset *token.FileSet, name string, file *ast.File) []string {
	var found []string
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
		if lines > MaxLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, more than %d", name, fn.Name.Name, lines, MaxLines))
		}
	}
	return found
}

// imports finds imports that point up, sideways, at developer tools, or out
// of a pure folder.
func imports(name, dir string, file *ast.File, layer int, room string) []string {
	var found []string
	for _, spec := range file.Imports {
		what, _ := strconv.Unquote(spec.Path.Value)
		if underAny(dir, pure) && isImpure(what) {
			found = append(found, fmt.Sprintf("%s: %s imports %s, though it works on bytes alone", name, dir, what))
		}
		if under(what, "net/http") && dir != webbed || what == Module+"/"+webbed && underAny(dir, unwebbed) {
			found = append(found, fmt.Sprintf("%s: %s imports %s, which would come into the importer or is %s's alone", name, dir, what, webbed))
		}
		target, ok := strings.CutPrefix(what, Module+"/")
		if !ok {
			continue
		}
		other, otherRoom := layerOf(target)
		switch {
		case underAny(target, Tools):
			found = append(found, fmt.Sprintf("%s: imports the developer tool %s", name, target))
		case other < 0:
			found = append(found, fmt.Sprintf("%s: imports %s, which stands in no layer", name, target))
		case other >= layer && otherRoom != room:
			found = append(found, fmt.Sprintf("%s: %s imports %s, which is not below it", name, dir, target))
		}
	}
	return found
}

func isImpure(what string) bool {
	return slices.ContainsFunc(impure, func(p string) bool {
		return what == p || strings.HasSuffix(p, "/") && strings.HasPrefix(what, p)
	})
}

// calls finds uses, called or passed on, of the listed functions.
func calls(fset *token.FileSet, name string, file *ast.File, listed map[string][]string, why string) []string {
	local := localNames(file)
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && slices.Contains(listed[local[id.Name]], sel.Sel.Name) {
			found = append(found, fmt.Sprintf("%s:%d: %s.%s %s", name, fset.Position(sel.Pos()).Line, id.Name, sel.Sel.Name, why))
		}
		return true
	})
	return found
}

// writableOpens finds os.OpenFile with flags other than os.O_RDONLY and
// those that unix packages add to it.
func writableOpens(fset *token.FileSet, name string, file *ast.File) []string {
	local := localNames(file)
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "OpenFile" {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && local[id.Name] == "os" && !readOnly(call.Args[1]) && !terminal(call.Args[0]) {
			found = append(found, fmt.Sprintf("%s:%d: os.OpenFile for writing outside internal/rootfs", name, fset.Position(call.Pos()).Line))
		}
		return true
	})
	return found
}

// terminal reports whether a name is the literal one of the terminal, which is no file of anybody's.
func terminal(name ast.Expr) bool {
	lit, ok := name.(*ast.BasicLit)
	return ok && slices.Contains([]string{`"/dev/tty"`, `"CONIN$"`, `"CONOUT$"`}, lit.Value)
}

// readOnly reports whether a flag expression names only flags that cannot write.
func readOnly(flags ast.Expr) bool {
	ok := true
	ast.Inspect(flags, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			ok = ok && slices.Contains([]string{"O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"}, n.Sel.Name)
			return false
		case *ast.Ident, *ast.CallExpr:
			ok = false
		}
		return true
	})
	return ok
}

// localNames maps the names under which a file knows its imports to their paths.
func localNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		what, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(what)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = what
	}
	return names
}
