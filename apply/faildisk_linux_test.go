//go:build failpoint && disks

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/disktest"
)

// The tests of this file put the errands on real file systems: the power fails, or
// the disk is full. Each errand has one kind of file system, and a sample of what can be
// done to it; PACKLIFT_POWERCUTS=all and PACKLIFT_DISKS=all take all of both.

// sampled gives about so many numbers from 1 to n, or all.
func sampled(n, want int, all bool) (out []int) {
	step := max(1, n/want)
	if all {
		step = 1
	}
	for i := 1 + step/2; i <= n; i += step {
		out = append(out, i)
	}
	return out
}

func TestPowerCutErrands(t *testing.T) {
	host := disktest.CloneHost(t, 2<<10)
	for i, kind := range disktest.Kinds() {
		for j, e := range errands {
			if e.outside || cutStep() > 1 && j%len(disktest.Kinds()) != i {
				continue // backups outside on disks of their own: TestPowerCut
			}
			t.Run(kind+"/"+e.name, func(t *testing.T) {
				e.learn(t)
				s := &cutScene{job: e.job, kinds: []string{kind}}
				top := s.format(t, host)
				e.copy(t, e.template, filepath.Join(top, "0")) // at a place that is not there yet
				must(t, os.Rename(filepath.Join(top, "0", "pack"), filepath.Join(top, "pack")))
				s.unmount(t, top)
				s.cutErrand(t, &e)
			})
		}
	}
}

// cutErrand takes the power before effects of the errand, and every second time of the
// recovery too.
func (s *cutScene) cutErrand(t *testing.T, e *errand) {
	top, images := s.fresh(t, "count")
	effects := len(e.count(t, e.job, top))
	s.unmount(t, top)
	remove(t, images)
	var c ends
	again := 0
	cuts := sampled(effects, 8, cutStep() == 1)
	for i, n := range cuts {
		what := fmt.Sprintf("%s, power cut at %d", e.name, n)
		top, images := s.fresh(t, fmt.Sprint(n))
		images = s.cut(t, what, e.job, top, images, n, true)
		if i%2 == 0 {
			top = s.mount(t, images)
			images = s.cut(t, what+", and again in recovery", "recover", top, images, 1+n/2%12, false)
			again++
		}
		top = s.mount(t, images)
		c.add(e.settle(t, what, top, true))
		s.unmount(t, top)
		remove(t, images)
	}
	t.Logf("%d effects; power cut %d times, %d of them again in recovery: %v", effects, len(cuts), again, c.of)
}

// TestDiskErrands runs errands that do not look before they leap on a disk that is full,
// or nearly: they end with 16, and the pack as it may be; and so does a recovery on a
// full disk.
func TestDiskErrands(t *testing.T) {
	for i, k := range diskKinds()[:2] {
		for j, e := range errands {
			if !allDisks() && j%2 != i {
				continue
			}
			t.Run(k.name+"/"+e.name, func(t *testing.T) {
				e.learn(t)
				d := &disk{kind: k.name, dir: filepath.Join(disktest.Scratch(t), "disk")}
				k.make(t, filepath.Dir(d.dir), d.dir, 3000)
				d.errandFull(t, &e)
				d.errandRecovered(t, &e)
			})
		}
	}
}

// on lays the errand on the disk, and leaves so many bytes free.
func (d *disk) on(t *testing.T, e *errand, name string, free int64) (top string, makeRoom func()) {
	t.Helper()
	top = filepath.Join(d.dir, name)
	e.fresh(t, top)
	d.settle(t)
	if free < 0 {
		return top, func() {}
	}
	return top, d.leave(t, free)
}

func (d *disk) errandFull(t *testing.T, e *errand) {
	top, _ := d.on(t, e, "need", -1)
	free, _, block := d.free(t)
	low := d.dir + ".low"
	if out, err := e.spawn(e.job, top, "space:"+low+":"+d.dir); err != nil {
		t.Fatal(err, out)
	}
	b, err := os.ReadFile(low)
	must(t, err)
	var least, inodes int64
	_, err = fmt.Sscan(string(b), &least, &inodes)
	must(t, err)
	e.remove(top)
	var c ends
	need := free - least
	tries := sampled(int(need/block)+1, 4, allDisks())
	for _, n := range tries {
		what := fmt.Sprintf("%s with %d of %d bytes", e.name, int64(n-1)*block, need)
		top, makeRoom := d.on(t, e, fmt.Sprint(n), int64(n-1)*block)
		out, err := e.spawn("blind "+e.job, top, "")
		switch {
		case err != nil && !strings.Contains(lastLine(out), "no space: "):
			t.Errorf("%s: %v: %s", what, err, out)
		case err != nil && !e.inPart && e.known(e.picture(t, top)) == "":
			t.Errorf("%s: at once neither old nor new: %s\n%s", what, out, e.nearest(e.picture(t, top)))
		}
		makeRoom()
		c.add(e.settle(t, what, top, false))
		e.remove(top)
	}
	t.Logf("%d bytes are needed; %d runs with less: %v", need, len(tries), c.of)
	if need > 0 {
		d.errandLooks(t, e, need, block)
	}
}

// errandLooks: a run that looks first is refused at one block less than it takes, and goes
// through at 5 % more. Staging looks at what the update will take.
func (d *disk) errandLooks(t *testing.T, e *errand, need, block int64) {
	more := (need*105/100 + block - 1) / block * block
	for _, free := range []int64{need - block, more} {
		top, makeRoom := d.on(t, e, fmt.Sprint("looks", free), free)
		out, err := e.spawn(e.job, top, "")
		got := e.picture(t, top)
		if free == more && e.job != "stage" && (err != nil || got != e.end) {
			t.Errorf("%s takes %d bytes; with %d: %v %s", e.name, need, free, err, out)
		}
		if free < need && (err == nil || got != e.start && !e.inPart || !strings.Contains(out, " bytes are needed, ")) {
			t.Errorf("%s takes %d bytes; with %d: %v %s", e.name, need, free, err, out)
		}
		makeRoom()
		e.remove(top)
	}
}

// errandRecovered kills errands, and then somebody fills the disk.
func (d *disk) errandRecovered(t *testing.T, e *errand) {
	top, _ := d.on(t, e, "count", -1)
	effects := len(e.count(t, e.job, top))
	e.remove(top)
	var c ends
	waited := 0
	deaths := sampled(effects, 5, allDisks())
	for _, n := range deaths {
		what := fmt.Sprintf("%s killed at %d, and then a full disk", e.name, n)
		top, _ := d.on(t, e, fmt.Sprint(n), -1)
		e.kill(t, e.job, top, n)
		makeRoom := d.leave(t, 0)
		out, err := e.spawn("recover", top, "")
		if err != nil {
			waited++
			if !strings.Contains(lastLine(out), "no space: ") {
				t.Errorf("%s: %v %s", what, err, out)
			}
		}
		makeRoom()
		if strings.Contains(out, "the changelog could not be written") { // killed when the reserve was given back
			c.add("new, without its changelog")
		} else {
			c.add(e.settle(t, what, top, false))
		}
		e.remove(top)
	}
	t.Logf("%d deaths before a full disk, %d of them recovered when there was room again: %v", len(deaths), waited, c.of)
}
