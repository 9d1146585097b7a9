//go:build disks

package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/disktest"
)

// The tests of this file run the built binaries on file systems that are full,
// or nearly, and under limits of file size.

// needRoot skips the test unless it may mount.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root mounts disks")
	}
}

// fullDisk is a small file system.
type fullDisk struct {
	kind, dir string
}

// newFullDisk mounts one of mib MiB; kind is tmpfs or ext4.
func newFullDisk(t *testing.T, kind string, mib int64) *fullDisk {
	t.Helper()
	needRoot(t)
	top := disktest.Scratch(t)
	d := &fullDisk{kind, filepath.Join(top, "disk")}
	if kind == "tmpfs" {
		disktest.Tmpfs(t, d.dir, fmt.Sprintf("size=%dm,mode=755", mib))
		return d
	}
	image := filepath.Join(top, "image")
	disktest.Format(t, image, kind, mib, "-m", "0", "-b", "4096")
	disktest.Mount(t, image, kind, d.dir, "")
	return d
}

func bothDisks(t *testing.T, mib int64, f func(*testing.T, *fullDisk)) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) { f(t, newFullDisk(t, kind, mib)) })
	}
}

func (d *fullDisk) free(t *testing.T) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

const block = 4096

// leave fills the disk until just want bytes are free.
func (d *fullDisk) leave(t *testing.T, want int64) {
	t.Helper()
	d.room(t)
	want = want / block * block
	f, err := os.Create(filepath.Join(d.dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for range 20 {
		free := d.free(t)
		if size += free - want; free == want || size < block {
			return
		}
		err := f.Truncate(size)
		if err == nil {
			err = unix.Fallocate(int(f.Fd()), 0, 0, size)
		}
		if err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	d.leaveBlocks(t, want)
}

// leaveBlocks fills the last blocks with files of one each: a long file may take a
// block for its own map, and give it back, whenever it grows.
func (d *fullDisk) leaveBlocks(t *testing.T, want int64) {
	t.Helper()
	for i := 0; i < 20 && d.free(t) > want; i++ {
		if err := os.WriteFile(filepath.Join(d.dir, fmt.Sprintf("filler-%d", i)), make([]byte, block), 0o600); err != nil {
			t.Fatal(err)
		}
		d.sync(t)
	}
	if free := d.free(t); free != want {
		t.Fatalf("%d bytes are free, not %d", free, want)
	}
}

// room takes the filler away.
func (d *fullDisk) room(t *testing.T) {
	t.Helper()
	fillers, err := filepath.Glob(filepath.Join(d.dir, "filler*"))
	for _, name := range fillers {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		t.Fatal(err)
	}
	d.sync(t)
}

func (d *fullDisk) sync(t *testing.T) {
	t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
}

// leftovers are names in dir that are none of those known.
func leftovers(t *testing.T, dir string, known ...string) (left []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
next:
	for _, e := range list {
		if strings.HasPrefix(e.Name(), "filler") {
			continue
		}
		for _, k := range append(known, "lost+found") {
			if e.Name() == k {
				continue next
			}
		}
		left = append(left, e.Name())
	}
	return left
}

// limited runs a command that may write no file longer than n times 512 bytes.
func limited(t *testing.T, dir string, n int64, program string, args ...string) result {
	t.Helper()
	return run(t, dir, "/bin/sh", append([]string{"-c", `ulimit -f "$1"; shift; exec "$@"`, "sh", fmt.Sprint(n), tool(t, program)}, args...)...)
}

// creating is the command that makes a bundle with another platform's importer, a
// small one: no site starts it.
func (s *site) creating(from, to, out string) []string {
	s.t.Helper()
	arch := map[string]string{"arm64": "amd64"}[runtime.GOARCH]
	if arch == "" {
		arch = "arm64"
	}
	dir := filepath.Join(scratch, "small")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X 'main.marker=packlift-tool-version:1.3.0;'",
		"-o", filepath.Join(dir, "packlift-import_linux_"+arch), "../probe/testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return []string{"create-update", "--from", from, "--to", to, "--product", "demo-1.0.0", "-s", "0", "-e", "10", "-r", s.recipient,
		"--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", dir, "--platform", "linux/" + arch, "-o", out}
}

// made runs that command and gives the bundle's size.
func (s *site) made(args []string, out string) int64 {
	s.t.Helper()
	s.want(0, "packlift-export", args...)
	info, err := os.Stat(out)
	if err != nil {
		s.t.Fatal(err)
	}
	return info.Size()
}

// TestDiskBundleFull: whatever is free, create-update ends with 16 and leaves under
// the bundle's name what stood there, or it ends with 0 and all is there.
func TestDiskBundleFull(t *testing.T) {
	bothDisks(t, 24, func(t *testing.T, d *fullDisk) {
		s, _, from, to := sharedSite(t)
		out := filepath.Join(d.dir, "b.packlift")
		args := s.creating(from, to, out)
		size := s.made(args, out)
		if err := os.WriteFile(out, []byte("an older one"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(out+".sha256", []byte("its sum"), 0o644); err != nil {
			t.Fatal(err)
		}
		whole := (size + block - 1) / block * block
		ends := map[int]int{}
		for _, free := range []int64{0, block, 9 * block, whole - 30*block, whole - block, whole, whole + block, whole + 2*block, whole + 3*block} {
			d.leave(t, free)
			r := run(t, s.dir, tool(t, "packlift-export"), args...)
			ends[r.code]++
			old, err := os.ReadFile(out)
			sum, err2 := os.ReadFile(out + ".sha256")
			switch {
			case errors.Join(err, err2) != nil:
				t.Errorf("%d free: %v %v", free, err, err2)
			case r.code == 0:
				s.want(0, "packlift-export", "verify", "--trust", s.trust, out)
			case r.code != 16 || !strings.Contains(r.out, d.dir) || !strings.Contains(r.out, "free space there"):
				t.Errorf("%d free: exit code %d\n%s", free, r.code, r.out)
			case string(old) != "an older one" || string(sum) != "its sum":
				t.Errorf("%d free: the older bundle is gone", free)
			}
			if left := leftovers(t, d.dir, "b.packlift", "b.packlift.sha256"); len(left) > 0 {
				t.Errorf("%d free: left over: %q", free, left)
			}
		}
		if ends[16] < 6 || ends[0] < 1 {
			t.Errorf("exit codes: %v", ends)
		}
		t.Logf("a bundle of %d bytes: exit codes %v", size, ends)
		for _, free := range []int64{whole - block, whole, whole + 100*block} { // and where none was before
			if err := errors.Join(os.RemoveAll(out), os.RemoveAll(out+".sha256")); err != nil {
				t.Fatal(err)
			}
			d.leave(t, free)
			r := run(t, s.dir, tool(t, "packlift-export"), args...)
			if left := leftovers(t, d.dir); r.code != 16 && r.code != 0 || len(left) != map[int]int{16: 0, 0: 2}[r.code] || (r.code == 0) != (free > whole) {
				t.Errorf("%d of %d free: exit code %d, and there is %q\n%s", free, whole, r.code, left, r.out)
			}
		}
	})
}

// TestDiskBundleLimit: the same with a limit on the size of files.
func TestDiskBundleLimit(t *testing.T) {
	s, _, from, to := sharedSite(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "b.packlift")
	args := s.creating(from, to, out)
	size := s.made(args, out)
	for _, name := range []string{out, out + ".sha256"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int64{0, 1, 64, size / 1024, (size - 1) / 512, size/512 + 16} {
		r := limited(t, s.dir, n, "packlift-export", args...)
		if n*512 > size {
			if r.code != 0 {
				t.Errorf("%d bytes allowed: exit code %d\n%s", n*512, r.code, r.out)
			}
			continue
		}
		if r.code != 16 || !strings.Contains(r.out, "file too large") || !strings.Contains(r.out, "ulimit -f") {
			t.Errorf("%d bytes allowed: exit code %d\n%s", n*512, r.code, r.out)
		}
		if left := leftovers(t, dir); len(left) > 0 {
			t.Errorf("%d bytes allowed: left over: %q", n*512, left)
		}
	}
}

// wholeAt fails unless the pack is wholly that tree, on that level, and has
// nothing unfinished.
func (s *site) wholeAt(what, pack, tree, level string) {
	s.t.Helper()
	equalTrees(s.t, pack, tree)
	out := s.want(0, "packlift-import", "current-state", "--pack", pack)
	if !strings.Contains(strings.Join(strings.Fields(out), " "), "level "+level+" ") || strings.Contains(out, "unfinished") {
		s.t.Errorf("%s: not at level %s:\n%s", what, level, out)
	}
}

// TestDiskPackFull steps the free space block by block under a pack: apply-update
// and revert end with 16 and the old level, or with the new one; what the refusal
// asks for is enough.
func TestDiskPackFull(t *testing.T) {
	bothDisks(t, 24, func(t *testing.T, d *fullDisk) {
		s, bundle, from, to := sharedSite(t)
		pack := filepath.Join(d.dir, "pack")
		copyTo(t, from, pack)
		s.want(0, "packlift-import", "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
		template := filepath.Join(t.TempDir(), "template")
		copyTo(t, pack, template)
		apply := []string{"apply-update", "--pack", pack, "-i", s.identity, bundle}
		refused, late, done := 0, 0, 0
		for free := int64(0); done < 3 && free < 100*block; free += block {
			if err := os.RemoveAll(pack); err != nil {
				t.Fatal(err)
			}
			d.room(t)
			copyTo(t, template, pack)
			d.leave(t, free)
			what := fmt.Sprintf("%d bytes free", free)
			r := run(t, s.dir, tool(t, "packlift-import"), apply...)
			switch {
			case r.code == 0:
				done++
				s.wholeAt(what, pack, to, "10")
			case r.code != 16:
				t.Errorf("%s: exit code %d\n%s", what, r.code, r.out)
			case strings.Contains(r.out, "are needed"):
				refused++
			default:
				late++
			}
			if r.code == 16 {
				s.wholeAt(what, pack, from, "0")
			}
			if done > 0 && r.code != 0 {
				t.Errorf("%s: less was enough\n%s", what, r.out)
			}
		}
		t.Logf("apply-update: refused by the check %d times, earlier, by the lock or the log, %d times; done %d times", refused, late, done)
		if refused < 5 || done != 3 || late > 2 {
			t.Error("that is not what a check does")
		}
		d.revertFull(t, s, pack, from, to)
	})
}

func (d *fullDisk) revertFull(t *testing.T, s *site, pack, from, to string) {
	refused, done := 0, 0
	for free := int64(0); done == 0 && free < 100*block; free += block {
		d.leave(t, free)
		what := fmt.Sprintf("revert with %d bytes free", free)
		switch r := run(t, s.dir, tool(t, "packlift-import"), "revert", "--pack", pack); r.code {
		case 4:
			done++
			s.wholeAt(what, pack, from, "0")
		case 16:
			refused++
			s.wholeAt(what, pack, to, "10")
		default:
			t.Fatalf("%s: exit code %d\n%s", what, r.code, r.out)
		}
	}
	t.Logf("revert: no space %d times, then done", refused)
	if refused < 2 || done != 1 {
		t.Error("that is not what a check does")
	}
}

// TestDiskPackLimit: a limit on the size of files ends a run before it changes anything.
func TestDiskPackLimit(t *testing.T) {
	s, bundle, from, to := sharedSite(t)
	pack := filepath.Join(t.TempDir(), "pack")
	copyTo(t, from, pack)
	s.want(0, "packlift-import", "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
	for n := int64(0); ; n++ {
		r := limited(t, s.dir, n, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, bundle)
		if r.code == 0 && n > 2 {
			s.wholeAt("unlimited", pack, to, "10")
			t.Logf("files of %d bytes are enough", n*512)
			return
		}
		if r.code != 16 || !strings.Contains(r.out, "file too large") && !strings.Contains(r.out, "this process may write") || !strings.Contains(r.out, "ulimit -f") {
			t.Fatalf("%d bytes allowed: exit code %d\n%s", n*512, r.code, r.out)
		}
		s.wholeAt("limited", pack, from, "0")
	}
}

// TestDiskOthersFull: every other command that writes ends with 16 on a full disk,
// and with nothing under a final name that is not whole.
func TestDiskOthersFull(t *testing.T) {
	bothDisks(t, 24, func(t *testing.T, d *fullDisk) {
		s, bundle, from, _ := sharedSite(t)
		dir := t.TempDir()
		s.want(0, "packlift-export", "keygen", "--name", "carol", "-o", dir)
		carol := filepath.Join(dir, "carol")
		for _, c := range []struct {
			name, program string
			args          []string
			whole         func() bool // what stands under the final name is whole
		}{
			{"identity", "packlift-import", []string{"keygen", "-o", filepath.Join(d.dir, "identity")}, func() bool { return grep(d.dir+"/identity", "AGE-SECRET-KEY-1") }},
			{"keys", "packlift-export", []string{"keygen", "--name", "carol", "-o", filepath.Join(d.dir, "keys")}, func() bool {
				return grep(d.dir+"/keys/carol", "END OPENSSH PRIVATE KEY") && grep(d.dir+"/keys/carol.pub", "ssh-ed25519")
			}},
			{"trust", "packlift-export", []string{"trust", "new", "--signer", "alice=" + s.key("alice") + ".pub", "-o", filepath.Join(d.dir, "trust")}, func() bool {
				return grep(d.dir+"/trust/policy.json", "}") && grep(d.dir+"/trust/allowed_signers", "ssh-ed25519")
			}},
			{"sign", "packlift-export", []string{"sign", "--sign-key", carol, filepath.Join(d.dir, "b.packlift")}, func() bool {
				list, err := filepath.Glob(d.dir + "/b.packlift.sigs/*.sig")
				return err == nil && len(list) == 1 && grep(list[0], "END SSH SIGNATURE")
			}},
			{"init", "packlift-import", []string{"init", "--pack", filepath.Join(d.dir, "pack"), "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes"}, func() bool {
				return run(t, s.dir, tool(t, "packlift-import"), "current-state", "--pack", filepath.Join(d.dir, "pack")).code == 0
			}},
		} {
			full := 0
			for free := int64(0); ; free += block {
				d.room(t)
				if err := errors.Join(os.RemoveAll(d.dir+"/pack"), os.RemoveAll(d.dir+"/b.packlift"), os.RemoveAll(d.dir+"/"+c.name), os.RemoveAll(d.dir+"/b.packlift.sigs")); err != nil {
					t.Fatal(err)
				}
				copyTo(t, from, filepath.Join(d.dir, "pack"))
				copyTo(t, bundle, filepath.Join(d.dir, "b.packlift"))
				d.leave(t, free)
				r := run(t, s.dir, tool(t, c.program), c.args...)
				if r.code == 0 {
					if !c.whole() {
						t.Errorf("%s with %d bytes free: it is not whole\n%s", c.name, free, r.out)
					}
					break
				}
				if full++; r.code != 16 || free > 100*block {
					t.Fatalf("%s with %d bytes free: exit code %d\n%s", c.name, free, r.code, r.out)
				}
				if c.whole() {
					t.Errorf("%s with %d bytes free: it failed and is whole\n%s", c.name, free, r.out)
				}
				d.room(t)
				if r := run(t, s.dir, tool(t, c.program), c.args...); r.code != 0 || !c.whole() { // once there is room
					t.Errorf("%s again, after %d bytes: exit code %d\n%s", c.name, free, r.code, r.out)
				}
			}
			t.Logf("%s: no space %d times, then done", c.name, full)
		}
	})
}

func grep(name, text string) bool {
	b, err := os.ReadFile(name)
	return err == nil && bytes.Contains(b, []byte(text))
}

// TestDiskSpoolFull: a bundle from standard input, and one to standard output, need
// room where TMPDIR leads; without it nothing comes of them.
func TestDiskSpoolFull(t *testing.T) {
	bothDisks(t, 24, func(t *testing.T, d *fullDisk) {
		s, bundle, from, to := sharedSite(t)
		pack := filepath.Join(t.TempDir(), "pack")
		copyTo(t, from, pack)
		s.want(0, "packlift-import", "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
		d.leave(t, 100*block)
		for _, c := range []string{
			`TMPDIR="$1" "$2" apply-update --pack "$4" -i "$5" - <"$6"`,
			`export TMPDIR="$1"; out="$4.out"; tool="$3"; shift 6; "$tool" "$@" | cat >"$out"; exit ${PIPESTATUS[0]}`,
		} {
			r := run(t, s.dir, "bash", append([]string{"-c", c, "bash", d.dir, tool(t, "packlift-import"), tool(t, "packlift-export"), pack, s.identity, bundle},
				s.creating(from, to, "-")...)...)
			if r.code != 16 || !strings.Contains(r.out, d.dir) || !strings.Contains(r.out, "TMPDIR") {
				t.Errorf("exit code %d\n%s", r.code, r.out)
			}
			if left := leftovers(t, d.dir); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
		}
		if info, err := os.Stat(pack + ".out"); err != nil || info.Size() != 0 {
			t.Errorf("bytes came out of a bundle that could not be made: %v, %v", info, err)
		}
		s.wholeAt("no room to spool", pack, from, "0")
	})
}

// TestDiskToolFull: a self-update that finds no room leaves the old tool at work
// and the old level.
func TestDiskToolFull(t *testing.T) {
	bothDisks(t, 80, func(t *testing.T, d *fullDisk) {
		s, bundle, from, to := sharedSite(t)
		older := filepath.Join(scratch, "older")
		if err := build("../..", "1.2.0", older); err != nil {
			t.Fatal(err)
		}
		pack := filepath.Join(d.dir, "pack")
		copyTo(t, from, pack)
		own := filepath.Join(pack, "bin", "packlift-import")
		copyTo(t, filepath.Join(older, "packlift-import"), own)
		s.want(0, own, "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
		info, err := os.Stat(own)
		if err != nil {
			t.Fatal(err)
		}
		full := 0
		for _, free := range []int64{0, block, 8 * block, info.Size() / 2, info.Size() - block, info.Size(), info.Size() + 8*block, info.Size() + 100*block} {
			d.leave(t, free)
			r := run(t, s.dir, own, "apply-update", "-i", s.identity, bundle)
			if r.code == 0 {
				s.wholeAt("done", pack, to, "10")
				break
			}
			if full++; r.code != 16 {
				t.Errorf("%d bytes free: exit code %d\n%s", free, r.code, r.out)
			}
			d.room(t)
			s.wholeAt(fmt.Sprint(free, " bytes free"), pack, from, "0")
			if r := run(t, s.dir, own, "version"); r.code != 0 {
				t.Errorf("%d bytes free: the tool does not run any more\n%s", free, r.out)
			}
			if left := leftovers(t, filepath.Join(pack, "bin"), "packlift-import", "packlift-import.old", "run.sh"); len(left) > 0 {
				t.Errorf("%d bytes free: left over: %q", free, left)
			}
		}
		t.Logf("no space %d times", full)
		if full < 5 {
			t.Error("the disk was never full")
		}
	})
}
