//go:build disks && realpacks

package acceptance

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestDiskRealPack steps the free space under a real product: apply-update and revert
// end with 16 and the old level below what their dry runs ask for, and go through
// with it; and where somebody fills the disk while they run, they end on one of the two.
func TestDiskRealPack(t *testing.T) {
	from, to := lay(t, "allure", "2.43.0"), lay(t, "allure", "2.44.0")
	s := siteIn(t, t.TempDir())
	bundle := s.update("allure-2.43.0", from, to)
	bothDisks(t, 256, func(t *testing.T, d *fullDisk) {
		mine := *s
		mine.t = t
		d.realPack(t, &mine, bundle, from, to)
	})
}

func (d *fullDisk) realPack(t *testing.T, s *site, bundle, from, to string) {
	pack := filepath.Join(d.dir, "pack")
	copyTo(t, from, pack)
	s.want(0, "packlift-import", "init", "--pack", pack, "--product", "allure-2.43.0", "--level", "0", "--trust", s.trust, "--yes")
	apply := []string{"apply-update", "--pack", pack, "-i", s.identity, bundle}
	revert := []string{"revert", "--pack", pack}
	d.stepped(t, s, "apply", apply, 0, [2]string{from, "0"}, [2]string{to, "10"})
	d.stepped(t, s, "revert", revert, 4, [2]string{to, "10"}, [2]string{from, "0"})
	ends := map[int]int{}
	for i := range 8 {
		d.room(t)
		filled := make(chan error)
		go func() {
			time.Sleep(time.Duration(20+i*15) * time.Millisecond)
			filled <- d.fillUp()
		}()
		r := run(t, s.dir, tool(t, "packlift-import"), apply...)
		if err := <-filled; err != nil {
			t.Fatal(err)
		}
		ends[r.code]++
		d.room(t)
		s.want(0, "packlift-import", "recover", "--pack", pack)
		switch r.code {
		case 0:
			s.wholeAt("filled meanwhile", pack, to, "10")
			s.want(4, "packlift-import", revert...)
		case 16:
			s.wholeAt("filled meanwhile", pack, from, "0")
		default:
			t.Errorf("filled meanwhile: exit code %d\n%s", r.code, r.out)
		}
	}
	t.Logf("filled while the update ran: exit codes %v", ends)
}

// stepped runs a command with ever more free space.
func (d *fullDisk) stepped(t *testing.T, s *site, what string, args []string, code int, old, fresh [2]string) {
	t.Helper()
	need, inodes := s.foreseen(args...)
	pack := filepath.Join(d.dir, "pack")
	refused := 0
	for _, free := range []int64{0, need / 4, need / 2, need * 3 / 4, need - need/20 - 3*block, need} {
		d.leave(t, free)
		r := run(t, s.dir, tool(t, "packlift-import"), args...)
		switch {
		case r.code == 16 && free < need:
			refused++
			s.wholeAt(what, pack, old[0], old[1])
		case r.code == code && free == need/block*block || r.code == code && free == need:
			s.wholeAt(what, pack, fresh[0], fresh[1])
		default:
			t.Fatalf("%s with %d of %d bytes: exit code %d\n%s", what, free, need, r.code, r.out)
		}
	}
	t.Logf("%s: %d bytes and %d inodes are foreseen; no space %d times, then done", what, need, inodes, refused)
	d.room(t)
}

// fillUp takes all that is free.
func (d *fullDisk) fillUp() error {
	f, err := os.Create(filepath.Join(d.dir, "filler"))
	if err != nil {
		return nil // not even a name has room
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for len(b) > 0 {
		if _, err := f.Write(b); err != nil {
			b = b[:len(b)/2]
		}
	}
	return nil
}
