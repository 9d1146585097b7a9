package rootfs

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// What this file proves from the package's source, on each system: whatever can
// change something on a disk stands in a function that is given to the hook.
// All that packages os, syscall and x/sys offer counts as able to, but what is
// listed here. SyncFileRange begins what the kernel may begin at any time.

var reading = map[string][]string{
	"os":      {"ErrClosed", "ErrNotExist", "NewFile", "OpenRoot", "SameFile", "Stat", "TempDir"},
	"os.File": {"Close", "Fd", "Name", "Read", "ReadAt", "ReadDir", "Seek", "Stat", "SyscallConn"},
	"os.Root": {"Close", "Lstat", "Open", "OpenFile", "OpenRoot", "Readlink", "Stat"},

	"syscall.RawConn":          {"Control"},
	"golang.org/x/sys/unix":    {"Close", "Fgetxattr", "Flistxattr", "Flock", "Fstatfs", "Getrlimit", "Openat2", "Statx", "SyncFileRange"},
	"golang.org/x/sys/windows": {"GetDiskFreeSpaceEx", "GetFileInformationByHandle", "LockFileEx", "UTF16PtrFromString"},
}

// writing are the flags of an open that makes or empties a file; the openings
// that are listed above change nothing without one.
var writing = []string{"O_CREAT", "O_CREATE", "O_EXCL", "O_TMPFILE", "O_TRUNC"}

// able are the packages whose functions can change files; any other import has
// to be one that cannot.
var able = []string{"os", "syscall", "golang.org/x/sys/unix", "golang.org/x/sys/windows"}

var unable = []string{"crypto/rand", "errors", "fmt", "io", "io/fs", "math", "path", "path/filepath", "runtime", "slices", "strings", "time",
	"packlift/internal/safepath"}

// hooks are the functions that pass the hook and then do what their last
// argument says.
var hooks = []string{"hooked", "effect", "makes", "write"}

func TestEveryMutatorIsHooked(t *testing.T) {
	for goos, least := range map[string]int{"linux": 20, "darwin": 18, "windows": 16} {
		p := load(t, goos, nil)
		wrong := p.check()
		for _, w := range wrong {
			t.Errorf("%s: %s", goos, w)
		}
		if p.hooked < least {
			t.Errorf("%s: only %d mutators are hooked", goos, p.hooked)
		}
		t.Logf("%s: %d uses of mutators, each behind the hook", goos, p.hooked)
	}
}

// The check finds what it is there for.
func TestUnhookedMutatorIsFound(t *testing.T) {
	for what, c := range map[string]struct{ src, want string }{
		"a call":                {`func bad(r *Root) error { return r.root.Mkdir("x", 0) }`, "os.Root.Mkdir"},
		"before the hook":       {`func bad(r *Root) error { os.Remove("x"); return r.effect("remove", "x", func() error { return nil }) }`, "os.Remove"},
		"a value":               {`func bad(f *File) func() error { return f.f.Sync }`, "os.File.Sync"},
		"a helper":              {`func bad(r *Root) error { return r.moveChecked("x", "y") }`, "os.Root.Rename"},
		"an open that empties":  {`func bad(r *Root) { r.openExisting("x", os.O_TRUNC) }`, "flags"},
		"an open by number":     {`func bad(r *Root) { r.root.OpenFile("x", 64, 0) }`, "flags"},
		"an openat2 that makes": {`func bad(r *Root) { r.beneath("x", os.O_CREATE, 0) }`, "flags"},
		"flags from outside":    {`func Bad(r *Root, flag int) { r.root.OpenFile("x", flag, 0) }`, "flags"},
		"a file as a writer":    {`func bad(f *File) { fmt.Fprint(f.f, "x") }`, "io.Writer"},
		"a file handed out":     {`func bad(f *File) io.WriterAt { return f.f }`, "io.WriterAt"},
		"a hook that is none":   {`func (r *Root) write(do func() error) error { return do() }`, "do is used by write itself"},
		"a system call":         {`func bad(r *Root) { syscall.Rmdir("x") }`, "syscall.Rmdir"},
	} {
		head := "package rootfs\nimport (\n\"fmt\"\n\"io\"\n\"os\"\n\"syscall\"\n)\nvar _, _, _, _ = fmt.Sprint, io.EOF, os.O_RDONLY, syscall.ENOENT\n"
		p := load(t, "linux", []byte(head+c.src))
		if got := strings.Join(p.check(), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not found, but %q", what, c.want, got)
		}
	}
}

// source is this package as one system compiles it.
type source struct {
	fset   *token.FileSet
	files  []*ast.File
	info   *types.Info
	safe   [][2]token.Pos // functions given to the hook
	of     map[*types.Func]*ast.FuncDecl
	calls  map[*types.Func][]*ast.CallExpr
	hooked int
	wrong  []string
}

var (
	fset    = token.NewFileSet()
	imports = map[string]types.Importer{} // by system; each reads much source
)

func load(t *testing.T, goos string, extra []byte) *source {
	t.Helper()
	was := build.Default
	defer func() { build.Default = was }()
	build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled, build.Default.BuildTags = goos, "amd64", false, nil
	dir, err := build.Default.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if imports[goos] == nil {
		imports[goos] = importer.ForCompiler(fset, "source", nil)
	}
	p := &source{fset: fset, info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}},
		of: map[*types.Func]*ast.FuncDecl{}, calls: map[*types.Func][]*ast.CallExpr{}}
	for _, name := range dir.GoFiles {
		p.parse(t, name, nil)
	}
	if extra != nil {
		p.parse(t, "extra.go", extra)
	}
	conf := types.Config{Importer: imports[goos], Sizes: types.SizesFor("gc", "amd64")}
	if _, err := conf.Check("packlift/internal/rootfs", p.fset, p.files, p.info); err != nil {
		t.Fatal(goos, err)
	}
	return p
}

func (p *source) parse(t *testing.T, name string, src any) {
	t.Helper()
	f, err := parser.ParseFile(p.fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	p.files = append(p.files, f)
}

func (p *source) check() []string {
	p.each(func(n ast.Node) { p.index(n) })
	p.each(func(n ast.Node) { p.look(n) })
	return p.wrong
}

func (p *source) each(do func(ast.Node)) {
	for _, f := range p.files {
		ast.Inspect(f, func(n ast.Node) bool { do(n); return true })
	}
}

// index notes the functions, who calls them, and what is given to the hook.
func (p *source) index(n ast.Node) {
	switch n := n.(type) {
	case *ast.FuncDecl:
		p.of[p.info.Defs[n.Name].(*types.Func)] = n
	case *ast.CallExpr:
		f := p.callee(n)
		if f == nil {
			return
		}
		p.calls[f] = append(p.calls[f], n)
		if slices.Contains(hooks, f.Name()) && f.Pkg().Name() == "rootfs" {
			last := n.Args[len(n.Args)-1]
			p.safe = append(p.safe, [2]token.Pos{last.Pos(), last.End()})
		}
	}
}

func (p *source) callee(c *ast.CallExpr) *types.Func {
	var id *ast.Ident
	switch f := c.Fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	f, _ := p.info.Uses[id].(*types.Func)
	return f
}

func (p *source) look(n ast.Node) {
	switch n := n.(type) {
	case *ast.ImportSpec:
		if name := strings.Trim(n.Path.Value, `"`); !slices.Contains(able, name) && !slices.Contains(unable, name) {
			p.fault(n, "imports %s, of which nobody said whether it changes files", name)
		}
	case *ast.Ident:
		p.use(n)
	case *ast.CallExpr:
		p.call(n)
	case *ast.ReturnStmt:
		p.results(n)
	case *ast.FuncDecl:
		p.handsOn(n)
	}
}

// handsOn: all of the hooks but the first do nothing themselves; what they were
// given they give to another.
func (p *source) handsOn(f *ast.FuncDecl) {
	if !slices.Contains(hooks, f.Name.Name) || f.Name.Name == hooks[0] {
		return
	}
	params := p.info.Defs[f.Name].(*types.Func).Signature().Params()
	do := params.At(params.Len() - 1)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && p.info.Uses[id] == do && !p.behind(id.Pos(), nil) {
			p.fault(id, "%s is used by %s itself", do.Name(), f.Name.Name)
		}
		return true
	})
}

func (p *source) fault(n ast.Node, format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf("%s: %s", p.fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
}

// use is about one name: of a function that can change files, or of a flag.
func (p *source) use(id *ast.Ident) {
	obj := p.info.Uses[id]
	if obj == nil || obj.Pkg() == nil || !slices.Contains(able, obj.Pkg().Path()) {
		return
	}
	name := obj.Name()
	switch obj := obj.(type) {
	case *types.Func:
		home := obj.Pkg().Path()
		if r := obj.Signature().Recv(); r != nil {
			home += "." + typeName(r.Type())
		}
		if home == "syscall.Errno" || slices.Contains(reading[home], name) {
			return
		}
		name = home + "." + name
	case *types.Const: // those of package os are looked at where they are used
		if home := obj.Pkg().Path(); home == "os" || !slices.Contains(writing, name) {
			return
		}
	default:
		return
	}
	if !p.behind(id.Pos(), nil) {
		p.fault(id, "%s stands before no hook", name)
		return
	}
	p.hooked++
}

func typeName(t types.Type) string {
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return t.String()
}

// behind: the place stands in a function given to the hook, or in one that is
// called from such places only.
func (p *source) behind(at token.Pos, seen []*types.Func) bool {
	if slices.ContainsFunc(p.safe, func(s [2]token.Pos) bool { return s[0] <= at && at < s[1] }) {
		return true
	}
	f := p.around(at)
	if f == nil || f.Exported() || len(p.calls[f]) == 0 || len(p.calls[f]) != p.uses(f) || slices.Contains(seen, f) {
		return false
	}
	return !slices.ContainsFunc(p.calls[f], func(c *ast.CallExpr) bool { return !p.behind(c.Pos(), append(seen, f)) })
}

func (p *source) around(at token.Pos) *types.Func {
	for f, decl := range p.of {
		if decl.Pos() <= at && at < decl.End() {
			return f
		}
	}
	return nil
}

func (p *source) uses(f *types.Func) (n int) {
	for _, obj := range p.info.Uses {
		if obj == f {
			n++
		}
	}
	return n
}

// call looks at the flags of an open outside the hook, and at files that are
// given to a parameter through which they could be written.
func (p *source) call(c *ast.CallExpr) {
	f := p.callee(c)
	opens := f != nil && (f.Name() == "OpenFile" || f.Name() == "beneath") // the latter is openat2
	if opens && !p.behind(c.Pos(), nil) && !p.readsOnly(c.Args[1], 0) {
		p.fault(c, "the flags of %s may make or empty a file", f.Name())
	}
	sig, ok := p.info.Types[c.Fun].Type.(*types.Signature)
	if !ok {
		return // a conversion; to an interface it would be written as one
	}
	for i, arg := range c.Args {
		if n := sig.Params().Len(); n > 0 {
			to := sig.Params().At(min(i, n-1)).Type()
			if s, ok := to.(*types.Slice); ok && sig.Variadic() && i >= n-1 {
				to = s.Elem()
			}
			p.given(arg, to)
		}
	}
}

func (p *source) results(r *ast.ReturnStmt) {
	f := p.around(r.Pos())
	if f == nil || f.Signature().Results().Len() != len(r.Results) {
		return
	}
	for i, e := range r.Results {
		p.given(e, f.Signature().Results().At(i).Type())
	}
}

// given: an open file may become an interface only if that cannot write.
func (p *source) given(e ast.Expr, to types.Type) {
	from := p.info.Types[e].Type
	iface, ok := to.Underlying().(*types.Interface)
	if !ok || from == nil {
		return
	}
	if n := typeName(from); from.String() != "*os."+n || n != "File" && n != "Root" {
		return
	}
	for m := range iface.Methods() {
		if !slices.Contains(reading["os."+typeName(from)], m.Name()) && !p.behind(e.Pos(), nil) {
			p.fault(e, "a file becomes an %s, which has %s", to, m.Name())
		}
	}
}

// readsOnly: the flags make and empty nothing. A parameter holds what the
// callers give.
func (p *source) readsOnly(flags ast.Expr, depth int) bool {
	if v := p.info.Types[flags].Value; v != nil {
		n, exact := constant.Int64Val(constant.ToInt(v))
		return exact && n&p.writingBits() == 0
	}
	switch e := flags.(type) {
	case *ast.BinaryExpr:
		return e.Op == token.OR && p.readsOnly(e.X, depth) && p.readsOnly(e.Y, depth)
	case *ast.Ident:
		return depth < 3 && p.argument(e, depth)
	}
	return false
}

func (p *source) argument(id *ast.Ident, depth int) bool {
	f := p.around(id.Pos())
	if f == nil || f.Exported() || len(p.calls[f]) != p.uses(f) {
		return false
	}
	for i := range f.Signature().Params().Len() {
		if f.Signature().Params().At(i) != p.info.Uses[id] {
			continue
		}
		for _, c := range p.calls[f] {
			if !p.behind(c.Pos(), nil) && !p.readsOnly(c.Args[i], depth+1) {
				return false
			}
		}
		return true
	}
	return false
}

// writingBits are the flags of package os, which are the system's own.
func (p *source) writingBits() (bits int64) {
	for _, obj := range p.info.Uses {
		if obj.Pkg() == nil || obj.Pkg().Path() != "os" {
			continue
		}
		for _, name := range writing {
			if c, ok := obj.Pkg().Scope().Lookup(name).(*types.Const); ok {
				n, _ := constant.Int64Val(constant.ToInt(c.Val()))
				bits |= n
			}
		}
		return bits
	}
	return ^0
}
