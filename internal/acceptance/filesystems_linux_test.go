//go:build disks

package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packlift/internal/disktest"
)

// The tests of this file run the built binaries on what file systems and their
// users have in store: odd names, long paths, second names, attributes, owners,
// links, mounts.

// laid is a site with trees of its own, and a bundle of them.
type laid struct {
	*site
	top, from, to, pack, bundle string
}

// files are names and contents; a name that ends in a slash is a folder, a
// content that begins with "-> " a link's target.
type files map[string]string

func (f files) lay(t *testing.T, top string) {
	t.Helper()
	for name, text := range f {
		full := filepath.Join(top, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		target, isLink := strings.CutPrefix(text, "-> ")
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		case isLink:
			err = os.Symlink(target, full)
		default:
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// newLaid makes a bundle of from and to; the pack is laid below dir.
func newLaid(t *testing.T, dir string, from, to files) *laid {
	t.Helper()
	shared, _, _, _ := sharedSite(t)
	top := t.TempDir()
	l := &laid{site: shared, top: top, from: filepath.Join(top, "from"), to: filepath.Join(top, "to"), pack: filepath.Join(dir, "pack"), bundle: filepath.Join(top, "b.packlift")}
	from.lay(t, l.from)
	to.lay(t, l.to)
	l.want(0, "packlift-export", l.creating(l.from, l.to, l.bundle)...)
	copyTo(t, l.from, l.pack)
	l.init()
	return l
}

func (l *laid) init() {
	l.t.Helper()
	l.want(0, "packlift-import", "init", "--pack", l.pack, "--product", "demo-1.0.0", "--level", "0", "--trust", l.trust, "--yes")
}

func (l *laid) apply(code int, more ...string) string {
	l.t.Helper()
	return l.want(code, "packlift-import", append([]string{"apply-update", "--pack", l.pack, "-i", l.identity, l.bundle}, more...)...)
}

func (l *laid) revert() {
	l.t.Helper()
	l.want(4, "packlift-import", "revert", "--pack", l.pack)
}

// both applies and reverts, and compares with the trees.
func (l *laid) both() {
	l.t.Helper()
	l.apply(0)
	l.wholeAt("updated", l.pack, l.to, "10")
	l.want(0, "packlift-import", "verify-pack", "--pack", l.pack)
	l.revert()
	l.wholeAt("reverted", l.pack, l.from, "0")
}

// TestDiskNames: what the format refuses, create-update refuses, and names it; a
// site's own files of such names live through an update.
func TestDiskNames(t *testing.T) {
	odd := []string{"new\nline", "tab\there", "not-\xff-utf8", "back\\slash", "colon:here", "dot.", "space ", "nul", "esc\x1b[31m", "bidi\u202e", "a?b", strings.Repeat("é", 126) + "xx"}
	l := newLaid(t, t.TempDir(), files{"a b/c  d.txt": "1", "ünï/日本": "1", "gone/f": "1", "'quoted' $HOME `x`/f": "1", "-rf": "1", "gone too/deep/f": "1"},
		files{"a b/c  d.txt": "2", "ünï/日本": "2", "'quoted' $HOME `x`/f": "2", "-rf": "2", "~": "2"})
	for _, name := range odd {
		bad := filepath.Join(t.TempDir(), "to")
		files{"lib/" + name: "x", "lib/good": "y"}.lay(t, bad)
		out := filepath.Join(t.TempDir(), "b.packlift")
		r := run(t, l.dir, tool(t, "packlift-export"), l.creating(l.from, bad, out)...)
		if fine := len(name) > 250; fine {
			if r.code != 0 {
				t.Errorf("%q: exit code %d\n%s", name, r.code, r.out)
			}
			continue
		}
		if r.code == 0 || !strings.Contains(r.out, fmt.Sprintf("%q", "lib/"+name)) || !strings.Contains(r.out, "remove or rename") || strings.ContainsAny(r.out, "\x1b\u202e") {
			t.Errorf("%q: exit code %d\n%s", name, r.code, r.out)
		}
		if left := leftovers(t, filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%q: left over: %q", name, left)
		}
	}
	own := files{}
	for _, name := range odd {
		for _, dir := range []string{"", "a b/", "gone/", "gone too/deep/"} {
			own[dir+name] = "own " + name
		}
	}
	own.lay(t, l.pack)
	survives := func(when string) {
		for name, text := range own {
			if b, err := os.ReadFile(filepath.Join(l.pack, name)); err != nil || string(b) != text {
				t.Errorf("%s: %q: %v", when, name, err)
			}
		}
	}
	out := l.apply(0) + l.want(0, "packlift-import", "verify-pack", "--pack", l.pack)
	if strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("names are printed as they are:\n%q", out)
	}
	survives("updated")
	for name, text := range map[string]string{"a b/c  d.txt": "2", "-rf": "2"} {
		if b, err := os.ReadFile(filepath.Join(l.pack, name)); err != nil || string(b) != text {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := os.Stat(filepath.Join(l.pack, "gone/f")); !errors.Is(err, os.ErrNotExist) {
		t.Error("gone/f is there")
	}
	l.revert()
	survives("reverted")
	l.want(0, "packlift-import", "log", "verify", "--pack", l.pack)
}

// longName is a path of n bytes of elements of at most most bytes.
func longName(n, most int) string {
	var b strings.Builder
	for b.Len() < n {
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		rest := n - b.Len()
		if rest == most+1 { // no slash at the end
			rest--
		}
		b.WriteString(strings.Repeat("x", min(rest, most)))
	}
	return b.String()
}

// TestDiskLongPaths: paths as long as the format has them, in a pack that itself
// lies deep; a site's own paths, longer than any call takes.
func TestDiskLongPaths(t *testing.T) {
	long, deep, wide := longName(1024, 255), strings.Repeat("d/", 62)+"f", strings.Repeat("w", 255)
	from := files{long: "1", deep: "1", wide: "1", "gone/" + longName(1000, 200): "1"}
	to := files{long: "2", deep: "2", wide: "2", "new/" + longName(1020, 255): "2"}
	for _, room := range []int{0, 1500, 2900} {
		dir := t.TempDir()
		if room > 0 {
			dir = filepath.Join(dir, longName(room-len(dir), 200))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		l := newLaid(t, dir, from, to)
		own := ownLong(t, l.pack)
		l.apply(0)
		l.want(0, "packlift-import", "verify-pack", "--pack", l.pack)
		own("updated")
		l.revert()
		own("reverted")
	}
	l := newLaid(t, t.TempDir(), from, to)
	bad := filepath.Join(t.TempDir(), "to")
	files{longName(1025, 255): "x"}.lay(t, bad)
	r := run(t, l.dir, tool(t, "packlift-export"), l.creating(l.from, bad, filepath.Join(t.TempDir(), "b"))...)
	if r.code == 0 || !strings.Contains(r.out, "longer than 1024 bytes") || !strings.Contains(r.out, "xxx") {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
	over := filepath.Join(t.TempDir(), longName(5000, 200))
	if r := run(t, l.dir, tool(t, "packlift-import"), "current-state", "--pack", over); r.code == 0 || !strings.Contains(r.out, "name too long") {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
}

// ownLong makes a file 20 folders of 250 bytes below a product folder, deeper than a path
// can tell, and gives what checks that it is there.
func ownLong(t *testing.T, pack string) func(when string) {
	t.Helper()
	at, err := os.OpenRoot(pack)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		name := strings.Repeat("o", 250)
		if i == 0 {
			name = "d"
		} else if err := at.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := at.OpenRoot(name)
		if err != nil {
			t.Fatal(err)
		}
		at.Close()
		at = next
	}
	t.Cleanup(func() { at.Close(); exec.Command("rm", "-rf", pack).Run() })
	if err := at.WriteFile("own", []byte("own"), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(when string) {
		if b, err := at.ReadFile("own"); err != nil || string(b) != "own" {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// TestDiskHardLinks: what has a second name outside the pack keeps its content and
// mode there, whatever the update does to the first.
func TestDiskHardLinks(t *testing.T) {
	dir := t.TempDir()
	same := files{"changed": "1", "gone": "1", "mode": "1", "becomes/f": "1", "same": "1"}
	l := newLaid(t, dir, same, files{"changed": "2", "mode": "1", "becomes": "now a file", "same": "1", "added": "2"})
	if err := os.Chmod(filepath.Join(l.to, "mode"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.want(0, "packlift-export", l.creating(l.from, l.to, l.bundle)...)
	outside := filepath.Join(dir, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	for name := range same {
		if err := os.Link(filepath.Join(l.pack, name), filepath.Join(outside, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	before := list(t, outside)
	for range 2 {
		l.both()
	}
	for name, what := range list(t, outside) {
		if before[name] != what {
			t.Errorf("%s changed outside", name)
		}
	}
}

// TestDiskAttributes: attributes and access lists stay with a changed file, an
// added one gets the list that its folder hands down, and a revert brings both back.
func TestDiskAttributes(t *testing.T) {
	needTools(t, "setfacl", "getfacl", "setfattr", "getfattr")
	d := newFullDisk(t, "ext4", 32)
	l := newLaid(t, d.dir, files{"lib/f": "1", "lib/same": "1", "gone/f": "1"}, files{"lib/f": "2", "lib/same": "1", "lib/new": "2"})
	shell := func(args ...string) string {
		t.Helper()
		r := run(t, l.pack, args[0], args[1:]...)
		if r.code != 0 {
			t.Fatalf("%q: %s", args, r.out)
		}
		return r.out
	}
	shell("setfacl", "-m", "u:1234:rw,g:4321:r", "lib/f")
	shell("setfacl", "-d", "-m", "u:777:rwx", "lib")
	shell("setfacl", "-m", "u:1:r", "gone")
	shell("setfattr", "-n", "user.origin", "-v", "the site", "lib/f")
	shell("setfattr", "-n", "user.origin", "-v", "the site", "gone")
	shell("setfattr", "-n", "trusted.note", "-v", strings.Repeat("n", 3000), "lib/f")
	of := func(names ...string) string {
		return shell(append([]string{"getfacl", "-n"}, names...)...) + shell(append([]string{"getfattr", "-d", "-m", "-"}, names...)...)
	}
	f, gone := of("lib/f", "lib"), of("gone")
	l.apply(0)
	if got := of("lib/f", "lib"); got != f {
		t.Errorf("updated:\n%s\nbefore:\n%s", got, f)
	}
	if got := of("lib/new"); !strings.Contains(got, "user:777:rwx") || strings.Contains(got, "user.origin") {
		t.Errorf("added:\n%s", got)
	}
	l.revert()
	if got := of("lib/f", "lib"); got != f {
		t.Errorf("reverted:\n%s\nbefore:\n%s", got, f)
	}
	if got := of("gone"); got != gone {
		t.Errorf("reverted:\n%s\nbefore:\n%s", got, gone)
	}
	if b, err := os.ReadFile(filepath.Join(l.pack, "lib/f")); err != nil || string(b) != "1" {
		t.Errorf("%q, %v", b, err)
	}
}

// as runs a command as another user.
func (l *laid) as(uid uint32, args ...string) result {
	l.t.Helper()
	cmd := exec.Command(tool(l.t, "packlift-import"), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		l.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String()}
}

// reachable lets others come to the files of dir.
func reachable(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		for ; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDiskOwner: the pack's owner needs no root, through folders closed to
// writing too; root is refused (20), unless allowed, and then leaves all to the owner.
func TestDiskOwner(t *testing.T) {
	needRoot(t)
	const owner = 4242
	l := newLaid(t, t.TempDir(), files{"shut/f": "1", "shut/deep/g": "1", "lib/f": "1"}, files{"shut/f": "2", "shut/new": "2", "lib/f": "2", "made/f": "2"})
	for _, dir := range []string{l.from, l.to, l.pack} {
		if err := os.Chmod(filepath.Join(dir, "shut"), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	l.want(0, "packlift-export", l.creating(l.from, l.to, l.bundle)...)
	identity := filepath.Join(l.top, "identity")
	copyTo(t, l.identity, identity)
	if out, err := exec.Command("chown", "-hR", fmt.Sprint(owner, ":", owner), l.pack, identity).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	reachable(t, filepath.Dir(l.pack), l.top, filepath.Dir(tool(t, "packlift-import")))
	apply := []string{"apply-update", "--pack", l.pack, "-i", identity, l.bundle}
	check := func(what, tree, level string) {
		t.Helper()
		l.wholeAt(what, l.pack, tree, level)
		out, err := exec.Command("find", l.pack, "!", "-uid", fmt.Sprint(owner)).CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%s: %v: another owner has\n%s", what, err, out)
		}
	}
	if r := run(t, l.dir, tool(t, "packlift-import"), apply...); r.code != 20 || !strings.Contains(r.out, "--allow-root") {
		t.Errorf("root: exit code %d\n%s", r.code, r.out)
	}
	check("root, refused", l.from, "0")
	if r := l.as(owner, apply...); r.code != 0 {
		t.Fatalf("the owner: exit code %d\n%s", r.code, r.out)
	}
	check("the owner", l.to, "10")
	if r := run(t, l.dir, tool(t, "packlift-import"), "revert", "--pack", l.pack); r.code != 20 {
		t.Errorf("root: exit code %d\n%s", r.code, r.out)
	}
	if r := l.as(owner, "revert", "--pack", l.pack); r.code != 4 {
		t.Fatalf("the owner: exit code %d\n%s", r.code, r.out)
	}
	check("the owner, back", l.from, "0")
	l.want(0, "packlift-import", append(apply, "--allow-root")...)
	check("root, allowed", l.to, "10")
	if r := l.as(owner+1, "revert", "--pack", l.pack); r.code == 4 || r.code == 0 {
		t.Errorf("another user: exit code %d\n%s", r.code, r.out)
	}
	check("another user", l.to, "10")
	l.want(4, "packlift-import", "revert", "--pack", l.pack, "--allow-root")
	check("root, back", l.from, "0")
}

// TestDiskLinkedFolder: a folder that a link has taken the place of is told in the
// plan; nothing is written through it.
func TestDiskLinkedFolder(t *testing.T) {
	for _, inside := range []bool{false, true} {
		l := newLaid(t, t.TempDir(), files{"lib/f": "1", "g": "1"}, files{"lib/f": "2", "lib/new": "2", "g": "2"})
		away := filepath.Join(t.TempDir(), "away")
		if inside {
			away = filepath.Join(l.pack, "away")
		}
		if err := errors.Join(os.Rename(filepath.Join(l.pack, "lib"), away), os.Symlink(away, filepath.Join(l.pack, "lib"))); err != nil {
			t.Fatal(err)
		}
		for _, more := range [][]string{{"--dry-run"}, nil} {
			if out := l.apply(3, more...); !strings.Contains(out, "lib/f") || !strings.Contains(out, "linked folder lib, which leaves the pack") {
				t.Errorf("it says:\n%s", out)
			}
		}
		if b, err := os.ReadFile(filepath.Join(away, "f")); err != nil || string(b) != "1" {
			t.Errorf("%q, %v", b, err)
		}
		if b, err := os.ReadFile(filepath.Join(l.pack, "g")); err != nil || string(b) != "1" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// TestDiskMounts: read-only mounts and files that cannot be changed end a run on the
// old level; mounts that can be written do not show.
func TestDiskMounts(t *testing.T) {
	needRoot(t)
	d := newFullDisk(t, "ext4", 32)
	l := newLaid(t, d.dir, files{"lib/f": "1", "lib/gone/g": "1", "conf/c": "1"}, files{"lib/f": "2", "lib/new": "2", "conf/c": "2"})
	lib := filepath.Join(l.pack, "lib")
	bind := func() {
		if err := unix.Mount(lib, lib, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(lib, unix.MNT_DETACH) })
	}
	bind()
	l.both()
	l.apply(0, "-b", filepath.Join(t.TempDir(), "backups")) // on another file system
	l.wholeAt("updated", l.pack, l.to, "10")
	l.revert()
	l.wholeAt("reverted", l.pack, l.from, "0")
	if err := unix.Mount("", lib, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{{"--dry-run"}, nil} {
		if out := l.apply(1, more...); !strings.Contains(out, "mounted read-only") || !strings.Contains(out, "mount -o remount,rw "+lib) {
			t.Errorf("it says:\n%s", out)
		}
	}
	l.wholeAt("read-only", l.pack, l.from, "0")
	disktest.Unmount(t, lib)
	if _, err := exec.LookPath("chattr"); err != nil {
		t.Skip("chattr is not installed")
	}
	for _, name := range []string{"lib/f", "conf"} {
		full := filepath.Join(l.pack, name)
		if out, err := exec.Command("chattr", "+i", full).CombinedOutput(); err != nil {
			t.Fatalf("chattr: %v: %s", err, out)
		}
		out := l.apply(1)
		if !strings.Contains(out, "not permitted") || !strings.Contains(out, name) || !strings.Contains(out, "lsattr") {
			t.Errorf("immutable %s:\n%s", name, out)
		}
		l.wholeAt("immutable "+name, l.pack, l.from, "0")
		if out, err := exec.Command("chattr", "-i", full).CombinedOutput(); err != nil {
			t.Fatalf("chattr: %v: %s", err, out)
		}
	}
	if err := unix.Mount("", d.dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	out := l.apply(1)
	_, hint, ok := strings.Cut(out, "read-only: ")
	line, _, ok2 := strings.Cut(hint, " (as root)")
	if !ok || !ok2 || !strings.Contains(out, "read-only file system") {
		t.Fatalf("a pack on a read-only disk:\n%s", out)
	}
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil { // what the hint says, pasted
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	l.both()
}

// TestDiskManyFiles: time and memory of an update of many small files.
// PACKLIFT_DISKS=all takes 200 000 of them.
func TestDiskManyFiles(t *testing.T) {
	n := 10_000
	if os.Getenv("PACKLIFT_DISKS") == "all" {
		n = 200_000
	}
	shared, _, _, _ := sharedSite(t)
	top := disktest.Scratch(t)
	l := &laid{site: shared, top: top, from: filepath.Join(top, "from"), to: filepath.Join(top, "to"), pack: filepath.Join(top, "pack"), bundle: filepath.Join(top, "b.packlift")}
	lay := func(dir, text string) {
		for i := range n {
			if i%100 == 0 {
				if err := os.MkdirAll(filepath.Join(dir, fmt.Sprint(i/10000), fmt.Sprint(i/100)), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i/10000), fmt.Sprint(i/100), fmt.Sprintf("file-%06d", i)), fmt.Appendf(nil, "%s %d\n", text, i), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	lay(l.from, "old")
	lay(l.to, "new")
	copyTo(t, l.from, l.pack)
	l.init()
	l.measured("create-update", 0, "packlift-export", l.creating(l.from, l.to, l.bundle)...)
	l.measured("apply-update", 0, "packlift-import", "apply-update", "--pack", l.pack, "-i", l.identity, l.bundle)
	l.measured("verify-pack", 0, "packlift-import", "verify-pack", "--pack", l.pack)
	equalTrees(t, l.pack, l.to)
	l.measured("revert", 4, "packlift-import", "revert", "--pack", l.pack)
	equalTrees(t, l.pack, l.from)
}

// measured logs what a command takes, and holds it to memory that fits a small machine.
func (l *laid) measured(what string, code int, program string, args ...string) {
	l.t.Helper()
	cmd := exec.Command(tool(l.t, program), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.dir}
	begin := time.Now()
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		l.t.Fatalf("%s: exit code %d\n%s", what, got, out)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	l.t.Logf("%-13s %6.1f s, %6.1f s of processor, %4d MiB at most", what, time.Since(begin).Seconds(),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), u.Maxrss>>10)
	if u.Maxrss>>10 > 1536 {
		l.t.Errorf("%s: %d MiB of memory", what, u.Maxrss>>10)
	}
}
