//go:build failpoint

package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHookedSyscalls watches the built importer with strace: each system call
// that changed something on a disk came after the hook for that path, and each
// effect that the hook was told of came to be.
func TestHookedSyscalls(t *testing.T) {
	needTools(t, "strace")
	c := newCrash(t)
	for _, a := range c.acts() {
		t.Run(a.name, func(t *testing.T) {
			a.before(t)
			dir := copied(t, a.from)
			trace := c.strace(t, a, dir)
			m := match{dir: dir, allowed: map[string]int{}, failed: map[string]bool{}}
			for line := range strings.Lines(trace) {
				m.line(strings.TrimSpace(line))
			}
			for _, w := range m.wrong {
				t.Error(w)
			}
			for key, n := range m.allowed {
				if n > 0 && !m.failed[key] {
					t.Errorf("the hook was told of %s %d times more than it came to be", key, n)
				}
			}
			t.Logf("%d effects, %d system calls", m.hooked, m.called)
			if m.hooked < 15 {
				t.Error("that is not what such a run does")
			}
		})
	}
}

// mutators are the system calls that change something on a disk where they succeed,
// and unasked are frequent ones that do not, which strace is not to tell of: it is told
// what to leave out, for it may know fewer than the kernel has.
const (
	mutators = " open openat openat2 creat mkdir mkdirat mknod mknodat rename renameat renameat2 unlink unlinkat rmdir link linkat symlink symlinkat" +
		" chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utimensat utime utimes futimesat" +
		" setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat" +
		" write writev pwrite64 pwritev pwritev2 truncate ftruncate fallocate copy_file_range sendfile splice fsync fdatasync sync syncfs sync_file_range "
	unasked = "!futex,nanosleep,epoll_pwait,rt_sigaction,rt_sigprocmask,rt_sigreturn,mmap,munmap,madvise,mprotect,read,pread64,close,fstat,lseek,getpid,tgkill"
)

func (c *crash) strace(t *testing.T, a *act, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	program, args := a.command(t, dir)
	cmd := exec.Command("strace", append([]string{"-f", "-qq", "-y", "-s", "9999", "-e", "signal=none", "-e", "trace=" + unasked, "-o", out, program}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "PACKLIFT_FAILPOINT=count:" + dir + ".count"}
	said, _ := cmd.CombinedOutput()
	b, err := os.ReadFile(out)
	if err != nil || len(b) == 0 {
		t.Skipf("strace does not work here: %v %s", err, said)
	}
	if code := cmd.ProcessState.ExitCode(); code != a.code {
		t.Fatalf("%s: exit code %d, want %d\n%s", a.name, code, a.code, said)
	}
	return joined(string(b))
}

var unfinished = regexp.MustCompile(`^(\d+) +(.*) <unfinished \.\.\.>$`)
var resumed = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)

// joined puts calls that strace tells in two lines into the place where they ended.
func joined(trace string) string {
	var b strings.Builder
	begun := map[string]string{}
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		if f := unfinished.FindStringSubmatch(line); f != nil {
			begun[f[1]] = f[2]
		} else if f := resumed.FindStringSubmatch(line); f != nil {
			fmt.Fprintln(&b, f[1], begun[f[1]]+f[2])
		} else {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

// match holds system calls against the hook's own record, which is in the trace too.
type match struct {
	dir            string
	allowed        map[string]int  // effects announced and not yet seen, "KIND PATH"
	chmods         []string        // those of them that change modes
	failed         map[string]bool // what was tried in vain, such as removing what is not there
	hooked, called int
	wrong          []string
}

var callLine = regexp.MustCompile(`^\d+ +(\w+)\((.*)\) += (-?\d+)(<.*>)?( .*)?$`)

func (m *match) line(line string) {
	f := callLine.FindStringSubmatch(line)
	if f == nil {
		return
	}
	call, args := f[1], splitArgs(f[2])
	if strings.HasPrefix(f[3], "-") {
		if strings.Contains(mutators, " "+call+" ") {
			kind, path := effectOf(call, args)
			m.failed[kind+" "+path] = true
		}
		return
	}
	if call == "write" && len(args) > 1 && strings.HasSuffix(args[0], "<"+m.dir+".count>") {
		m.announced(unquote(args[1]))
		return
	}
	if call == "syscall_0x1c4" && len(m.chmods) > 0 { // fchmodat2, which an older strace does not know
		m.called++
		m.allowed[m.chmods[len(m.chmods)-1]]--
		return
	}
	if strings.HasPrefix(call, "syscall_") {
		m.wrong = append(m.wrong, "an unknown call: "+line)
	}
	if !strings.Contains(mutators, " "+call+" ") {
		return
	}
	kind, path := effectOf(call, args)
	if kind == "" || path == m.dir+".count" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/dev/null") || strings.HasPrefix(path, "/proc/") || path == "/dev/tty" {
		return
	}
	m.called++
	key := kind + " " + path
	if kind == "owner" && m.allowed[key] == 0 {
		return // of what the hook was told to make
	}
	if m.allowed[key]--; m.allowed[key] < 0 {
		m.allowed[key] = 0
		m.wrong = append(m.wrong, "no hook before "+line)
	}
}

func (m *match) announced(line string) {
	f := countLine.FindStringSubmatch(strings.TrimSpace(line))
	if f == nil {
		m.wrong = append(m.wrong, "what is "+line)
		return
	}
	m.hooked++
	kind := f[1]
	switch kind {
	case "open":
		return // changes nothing
	case "chown":
		kind = "owner"
	case "syncdir":
		kind = "sync"
	case "chmod":
		m.chmods = append(m.chmods, "chmod "+f[2])
	}
	m.allowed[kind+" "+f[2]]++
}

// effectOf names what a call did and to which path; no name where it changed nothing.
func effectOf(call string, args []string) (kind, path string) {
	switch call {
	case "open", "openat", "openat2", "creat":
		return opened(call, args)
	case "mkdirat":
		return "mkdir", pathAt(args[0], args[1])
	case "unlinkat":
		return "remove", pathAt(args[0], args[1])
	case "renameat", "renameat2":
		return "rename", pathAt(args[2], args[3])
	case "linkat":
		return "link", pathAt(args[2], args[3])
	case "symlinkat":
		return "symlink", pathAt(args[1], args[2])
	case "fchmodat", "fchmodat2":
		return "chmod", pathAt(args[0], args[1])
	case "fchownat":
		return "owner", pathAt(args[0], args[1])
	case "utimensat":
		return "chtimes", pathAt(args[0], args[1])
	case "fchmod":
		return "chmod", descriptor(args[0])
	case "fchown":
		return "owner", descriptor(args[0])
	case "write", "pwrite64":
		return "write", descriptor(args[0])
	case "fsync", "fdatasync":
		return "sync", descriptor(args[0])
	case "ftruncate":
		return "truncate", descriptor(args[0])
	case "fsetxattr", "fallocate", "syncfs":
		return strings.TrimPrefix(call, "f"), descriptor(args[0])
	}
	return call, pathAt("", args[0]) // none that this importer makes
}

// opened is an opening that made or emptied a file.
func opened(call string, args []string) (kind, path string) {
	all := strings.Join(args, ",")
	if strings.Contains(all, "O_CREAT") || strings.Contains(all, "O_TRUNC") || call == "creat" {
		return "create", pathAt(args[0], args[1])
	}
	return "", ""
}

var fd = regexp.MustCompile(`^(?:\d+|AT_FDCWD)<(.*)>$`)

func descriptor(arg string) string {
	if f := fd.FindStringSubmatch(arg); f != nil {
		return strings.TrimSuffix(f[1], " (deleted)")
	}
	return arg
}

func pathAt(dir, name string) string {
	name = unquote(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(descriptor(dir), name)
}

// unquote reads a C string as strace writes it.
func unquote(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(s)
}

// splitArgs splits at commas that stand outside of strings, braces and names of files.
func splitArgs(s string) (args []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("{[<", c) >= 0:
			depth++
		case strings.IndexByte("}]>", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			args, from = append(args, strings.TrimSpace(s[from:i])), i+1
		}
	}
	return append(args, strings.TrimSpace(s[from:]))
}
