package rootfs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A bind mount has the device of what it shows, and is a volume of its own.
func TestVolume(t *testing.T) {
	r, dir := open(t)
	for _, name := range []string{"plain", "shown", "bound"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(dir, "plain/f"), "x")
	put(t, filepath.Join(dir, "shown/f"), "x")
	bound := filepath.Join(dir, "bound")
	if err := unix.Mount(filepath.Join(dir, "shown"), bound, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot make a bind mount here:", err)
	}
	defer unix.Unmount(bound, unix.MNT_DETACH)
	home, err := r.Volume(".")
	if err != nil || home.Device == 0 {
		t.Fatal(home, err)
	}
	for name, want := range map[string]bool{"plain": true, "plain/f": true, "shown": true, "shown/f": true, "bound": false, "bound/f": false} {
		v, err := r.Volume(name)
		if err != nil || v.Device != home.Device || (v == home) != want {
			t.Errorf("%s: %v, home %v, %v", name, v, home, err)
		}
		renamed := r.Move("plain/f", "bound/g") == nil
		if renamed {
			t.Error("a rename crosses the bind mount")
		}
	}
	for name, want := range map[string]bool{".": true, "plain": false, "shown": false, "bound": true, "bound/f": false} {
		if got, err := r.MountPoint(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if s, err := r.Free("bound"); err != nil || s.ReadOnly {
		t.Error(s, err)
	}
	if err := unix.Mount("", bound, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if s, err := r.Free("bound"); err != nil || !s.ReadOnly {
		t.Error(s, err)
	}
	if s, err := r.Free("plain"); err != nil || s.ReadOnly {
		t.Error(s, err)
	}
}
