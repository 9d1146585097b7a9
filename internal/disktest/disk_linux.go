package disktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packlift/internal/testenv"
)

// minSize is what each mkfs accepts, in MiB.
var minSize = map[string]int64{"ext4": 16, "xfs": 304, "btrfs": 128}

// Kinds are the file systems that Format knows.
func Kinds() []string { return []string{"ext4", "xfs", "btrfs"} }

// Scratch is a folder in memory where there is such a place, else on disk.
func Scratch(t testing.TB) string {
	t.Helper()
	top, err := os.MkdirTemp(testenv.Memory(4<<30, true), "packlift-disks-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	return top
}

// Format makes the image of a file system of kind; mib 0 is the least there
// is. args go to its mkfs.
func Format(t testing.TB, image, kind string, mib int64, args ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root mounts disks")
	}
	mkfs, err := exec.LookPath("mkfs." + kind)
	if err != nil {
		t.Skipf("mkfs.%s is not installed", kind)
	}
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(max(mib, minSize[kind])<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, append(append([]string{"-q"}, args...), image)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.%s %v: %v: %s", kind, args, err, out)
	}
}

// Mount mounts the image at dir, which it makes if needed, with options as
// mount(8) passes them on. The loop device goes away with the mount.
func Mount(t testing.TB, image, kind, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	dev, done, err := attach(image)
	if err != nil {
		t.Skipf("no loop device: %v", err)
	}
	defer done()
	if err := unix.Mount(dev, dir, kind, 0, options); err != nil {
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EPERM) {
			t.Skipf("cannot mount %s here: %v", kind, err)
		}
		t.Fatalf("mount of %s (%s): %v", image, kind, err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// Tmpfs mounts a tmpfs at dir.
func Tmpfs(t testing.TB, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// Unmount unmounts dir; what is still busy is waited for.
func Unmount(t testing.TB, dir string) {
	t.Helper()
	var err error
	for range 12000 { // two minutes: others that look at new file systems let go of them when they get to it
		if err = unix.Unmount(dir, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("umount of %s: %v", dir, err)
	}
}

// attach gives a loop device for image. It clears itself once nobody has it
// open: done closes it here, after it was mounted.
func attach(image string) (dev string, done func(), err error) {
	back, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return "", nil, err
	}
	defer back.Close()
	for range 2000 {
		dev, done, err = attachFree(int(back.Fd()))
		if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENXIO) {
			break
		}
		time.Sleep(5 * time.Millisecond) // another process took the free one
	}
	return dev, done, err
}

func attachFree(back int) (string, func(), error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", nil, err
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", nil, err
	}
	dev := fmt.Sprintf("/dev/loop%d", n)
	loop, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return "", nil, err
	}
	config := unix.LoopConfig{Fd: uint32(back)}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	if err := unix.IoctlLoopConfigure(int(loop.Fd()), &config); err != nil {
		loop.Close()
		return "", nil, err
	}
	return dev, func() { loop.Close() }, nil
}

// CloneHost mounts a file system whose files can be cloned in one instant.
func CloneHost(t testing.TB, mib int64) string {
	t.Helper()
	top := Scratch(t)
	image, dir := filepath.Join(top, "host.img"), filepath.Join(top, "host")
	Format(t, image, "xfs", mib, "-m", "reflink=1")
	Mount(t, image, "xfs", dir, "")
	return dir
}

// Clone makes dst the content that src has at one instant.
func Clone(t testing.TB, src, dst string) {
	t.Helper()
	from, err := os.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.Create(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd())); err != nil {
		t.Fatalf("clone of %s: %v", src, err)
	}
}
