//go:build failpoint && disks

package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/disktest"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

// The tests of this file run on file systems that are really full, or nearly.
// The test binary runs itself again as a helper, so that failpoints count.

const diskHelperEnv = "PACKLIFT_DISK_HELPER"

func init() {
	if job := os.Getenv(diskHelperEnv); job != "" {
		os.Exit(diskHelper(strings.Split(job, "|")))
	}
}

// diskResult is what the helper prints.
type diskResult struct {
	Space   []Space
	Class   fault.Class
	Message string
	Hint    string
	Action  string // of a recovery
}

// diskHelper does JOB|TREES|PACK|BACKUP. A blind job does not look at the space before.
func diskHelper(args []string) int {
	var r diskResult
	job, blind := strings.CutPrefix(args[0], "blind-")
	p, err := pack.Open(args[2])
	if err == nil {
		o := testOptions()
		o.BackupDir = args[3]
		err = r.do(p, job, args[1], blind, o)
	}
	if err != nil {
		r.Class, r.Message, r.Hint = fault.ClassOf(spaceOr(err)), err.Error(), fault.HintOf(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}

func (r *diskResult) do(p *pack.Pack, job, trees string, blind bool, o Options) (err error) {
	var pl *Plan
	f := diskBundle(trees)
	if trees == "recased" {
		recasedDecide(f, &o)
	}
	switch job {
	case "recover":
		out, err := Recover(context.Background(), p, nil)
		r.Action = out.Action
		return err
	case "apply":
		pl, err = f.plan(p, o)
	case "revert":
		pl, err = NewRevert(context.Background(), p, o)
	}
	if err != nil {
		return err
	}
	if r.Space = pl.Space; blind {
		pl.Space = nil
	}
	if job == "apply" {
		_, err = f.run(context.Background(), p, pl, o)
	} else {
		_, err = RunRevert(context.Background(), p, pl, o)
	}
	return err
}

func diskBundle(trees string) *fakeBundle {
	if trees == "chain" {
		return newChain(plainTB{}, chainTrees[:4]...)
	}
	if trees == "recased" {
		return textFake(plainTB{}, recasedBase, recasedLevel)
	}
	from, to := diskTrees(trees)
	return newFake(plainTB{}, from, to, 3, 10)
}

// diskTrees are the trees before and after, by name.
func diskTrees(name string) (from, to tree) {
	switch from, to = (tree{"same": file("same")}), (tree{"same": file("same")}); name {
	case "tiny":
		from["a"], to["a"] = file("old"), file("new")
	case "new":
		to["in/a/new/folder"] = file("new")
	case "crash":
		return crashOld, crashNew
	case "chain": // contents on the way take more than what stays
		return chainTrees[0], chainTrees[3]
	case "case":
		return caseTrees()
	case "recased":
		return recasedKept, recasedDone
	case "folders": // a tree of folders takes the place of another
		for i := range 60 {
			for j := range 4 {
				from[fmt.Sprintf("old/%02d/%d", i, j)] = file(strings.Repeat("old", i*j*7))
				to[fmt.Sprintf("new-%d/%02d/%d", i%3, i, j)] = file(strings.Repeat("new", i*j*7))
			}
		}
	case "many": // small files, mostly in one folder
		for i := range 3000 {
			name := fmt.Sprintf("lib/a-rather-long-name-of-a-class-%05d.class", i)
			from[name], to[name] = file(fmt.Sprint("old ", i)), file(fmt.Sprint("new ", i))
			to[fmt.Sprintf("more/%d/%d", i%20, i)] = link(fmt.Sprintf("%s/%d", strings.Repeat("x", 1+i%100), i))
		}
	case "real": // sizes as products have them
		for i := range 120 {
			name, size := fmt.Sprintf("lib/%d/part-%03d.jar", i%7, i), 100+i*i*i/10
			from[name], to[name] = file(strings.Repeat("o", size)), file(strings.Repeat("n", size+i))
			if i%10 == 0 {
				delete(to, name)
				to[fmt.Sprintf("lib/%d/part-%03d-2.jar", i%7, i)] = file(strings.Repeat("2", size))
			}
		}
	}
	return from, to
}

// disk is a mounted file system with a pack on it.
type disk struct {
	kind, dir string
	job       string
	trees     string
	backup    string
	from, to  tree
	template  string // a copy of what is on the disk at first
}

// diskKind makes a file system with so many inodes at dir.
type diskKind struct {
	name string
	make func(t *testing.T, top, dir string, inodes int)
}

const diskMiB = 100

func diskKinds() []diskKind {
	ext4 := func(block string) func(*testing.T, string, string, int) {
		return func(t *testing.T, top, dir string, inodes int) {
			disktest.Format(t, filepath.Join(top, "image"), "ext4", diskMiB, "-m", "0", "-b", block, "-N", fmt.Sprint(inodes))
			disktest.Mount(t, filepath.Join(top, "image"), "ext4", dir, "")
		}
	}
	return []diskKind{
		{"tmpfs", func(t *testing.T, _, dir string, inodes int) {
			disktest.Tmpfs(t, dir, fmt.Sprintf("size=%dm,nr_inodes=%d,mode=755", diskMiB, inodes))
		}},
		{"ext4", ext4("4096")},
		{"ext4-1k", ext4("1024")},
	}
}

func looseKinds() []diskKind {
	loop := func(kind string) diskKind {
		return diskKind{kind, func(t *testing.T, top, dir string, _ int) {
			disktest.Format(t, filepath.Join(top, "image"), kind, 0)
			disktest.Mount(t, filepath.Join(top, "image"), kind, dir, "")
		}}
	}
	return []diskKind{loop("xfs"), loop("btrfs")}
}

func newDisk(t *testing.T, k diskKind, job, trees, backup string, inodes int) *disk {
	t.Helper()
	top := disktest.Scratch(t)
	d := &disk{kind: k.name, dir: filepath.Join(top, "disk"), job: job, trees: trees}
	if backup != "" {
		d.backup = filepath.Join(d.dir, backup)
	}
	d.from, d.to = diskTrees(trees)
	k.make(t, top, d.dir, inodes)
	must(t, initPack(t, filepath.Join(d.dir, "pack"), d.from, 3).Close())
	if d.job == "revert" {
		d.works(t, "apply")
		d.from, d.to = d.to, d.from
	}
	d.settle(t)
	return d
}

func (d *disk) pack() string { return filepath.Join(d.dir, "pack") }

// settle has the file system count what is free exactly.
func (d *disk) settle(t *testing.T) {
	t.Helper()
	f, err := os.Open(d.dir)
	must(t, err)
	defer f.Close()
	must(t, unix.Syncfs(int(f.Fd())))
}

// spawn runs the helper; r is nil if it was killed.
func (d *disk) spawn(t *testing.T, job, failpoint string) *diskResult {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), diskHelperEnv+"="+strings.Join([]string{job, d.trees, d.pack(), d.backup}, "|"), "PACKLIFT_FAILPOINT="+failpoint)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil
	}
	r := &diskResult{}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), r)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s %s", job, err, out.String(), errs.String())
	}
	return r
}

func (d *disk) works(t *testing.T, job string) *diskResult {
	t.Helper()
	r := d.spawn(t, job, "")
	if r == nil || r.Message != "" {
		t.Fatalf("%s on %s: %+v", job, d.kind, r)
	}
	return r
}

// taken runs job and gives what it took at its peak, bytes and inodes.
func (d *disk) taken(t *testing.T, job string) (plan Space, bytes, inodes uint64) {
	t.Helper()
	low := d.dir + ".low"
	r := d.spawn(t, job, "space:"+low+":"+d.dir)
	if r == nil || r.Message != "" || len(r.Space) != 1 {
		t.Fatalf("%s of %s on %s: %+v", job, d.trees, d.kind, r)
	}
	b, err := os.ReadFile(low)
	must(t, err)
	if _, err := fmt.Sscan(string(b), &bytes, &inodes); err != nil {
		t.Fatal(err)
	}
	return r.Space[0], r.Space[0].Free - bytes, r.Space[0].FreeInodes - inodes
}

func sceneNames() []string {
	return []string{"tiny", "new", "crash", "chain", "folders", "many", "real"}
}

// What the plan says a run needs is what it takes, within 5 %.
func TestDiskNeed(t *testing.T) {
	for _, k := range diskKinds() {
		exact := k.name == "tmpfs" || strings.HasPrefix(k.name, "ext4")
		for _, trees := range sceneNames() {
			for _, backup := range []string{"", "backups"} {
				if !allDisks() && trees == "many" && (backup != "" || k.name == "ext4-1k") {
					continue
				}
				d := newDisk(t, k, "apply", trees, backup, 30000)
				for _, job := range []string{"apply", "revert", "apply", "revert"} { // the second time its folders and floor are there
					d.settle(t)
					plan, bytes, inodes := d.taken(t, job)
					what := fmt.Sprintf("%-8s %-8s %-7s %-7s", k.name, trees, backup, job)
					t.Logf("%s needs %8d, took %8d (%+.1f %%); inodes %5d, took %5d", what,
						plan.Need, bytes, 100*(float64(plan.Need)/float64(bytes)-1), plan.NeedInodes, inodes)
					if plan.Need < bytes || exact && float64(plan.Need) > 1.05*float64(bytes) {
						t.Errorf("%s: the plan says %d bytes, the run took %d", what, plan.Need, bytes)
					}
					if exact && (plan.NeedInodes < inodes || float64(plan.NeedInodes) > 1.05*float64(inodes)) {
						t.Errorf("%s: the plan says %d inodes, the run took %d", what, plan.NeedInodes, inodes)
					}
				}
			}
		}
	}
}

// fresh puts the disk back to what it was at first.
func (d *disk) fresh(t *testing.T) {
	t.Helper()
	if d.template == "" {
		d.template = filepath.Join(disktest.Scratch(t), "template")
		shell(t, "cp", "-a", d.dir, d.template)
	}
	list, err := filepath.Glob(filepath.Join(d.dir, "*"))
	must(t, err)
	for _, name := range list {
		removeTree(name)
	}
	shell(t, "cp", "-a", d.template+"/.", d.dir)
	d.settle(t)
}

func shell(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
}

func (d *disk) free(t *testing.T) (bytes int64, inodes int, block int64) {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(d.dir, &st))
	return int64(st.Bavail) * st.Bsize, int(st.Ffree), st.Bsize
}

// leave fills the disk until just so many bytes are free, to the block, and
// gives what makes room again. On file systems that keep accounts of their own
// it comes as near as it can from above.
func (d *disk) leave(t *testing.T, want int64) (makeRoom func()) {
	t.Helper()
	name := filepath.Join(d.dir, "filler")
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	size := int64(0)
	for range 20 {
		free, _, block := d.free(t)
		if size += free - want; free == want || size < block {
			break
		}
		must(t, f.Truncate(size))
		if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		must(t, f.Sync())
	}
	return func() {
		must(t, os.Remove(name))
		d.settle(t)
	}
}

// leaveInodes does the same with inodes.
func (d *disk) leaveInodes(t *testing.T, want int) (makeRoom func()) {
	t.Helper()
	dir := filepath.Join(d.dir, "fillers")
	must(t, os.Mkdir(dir, 0o755))
	for i := 0; ; i++ {
		if _, n, _ := d.free(t); n <= want {
			break
		}
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644))
	}
	return func() {
		must(t, os.RemoveAll(dir))
		d.settle(t)
	}
}

// untouched fails unless the run left everything as it was, at once, and
// nothing of its own behind.
func (d *disk) untouched(t *testing.T, what string) {
	t.Helper()
	p, err := pack.Open(d.pack())
	must(t, err)
	defer p.Close()
	if got := readTree(t, d.pack()).String(); got != d.from.whole().String() {
		t.Errorf("%s: the tree is not the old one:\n%s", what, got)
	}
	tidy(t, p)
	st, err := p.State()
	must(t, err)
	if onTen := d.job == "revert"; (st.Level == 10) != onTen {
		t.Errorf("%s: the pack is at level %d", what, st.Level)
	}
	gen, err := filepath.Glob(filepath.Join(d.pack(), backupTop, "*"))
	if err != nil || len(gen) != len(st.History)-1 {
		t.Errorf("%s: backups %q", what, gen)
	}
	out, err := filepath.Glob(filepath.Join(d.backup, "*", "0*"))
	if d.backup != "" && (err != nil || len(out) != len(st.History)-1) {
		t.Errorf("%s: backups outside %q", what, out)
	}
}

// ended fails unless r is the whole new level, or 16 and the old one.
func (d *disk) ended(t *testing.T, what string, r *diskResult) (done bool) {
	t.Helper()
	switch {
	case r.Message == "":
		sameTree(t, what, readTree(t, d.pack()), d.to)
		return true
	case r.Class != fault.NoSpace || !strings.Contains(r.Message, d.dir):
		t.Errorf("%s: %s: %s", what, r.Class, r.Message)
	}
	d.untouched(t, what)
	return false
}

// allDisks: PACKLIFT_DISKS=all takes every scene and more steps.
func allDisks() bool { return os.Getenv("PACKLIFT_DISKS") == "all" }

// steps gives the free bytes to try: each block about the need, and each one
// below where that are not many.
func steps(need, block int64) (free []int64) {
	some, near := int64(3), 2*block
	if allDisks() {
		some, near = 24, 8*block
	}
	far := block
	if need/block > 32 {
		far = need / block / some * block
	}
	for n := int64(0); n < need-near; n += far {
		free = append(free, n)
	}
	for n := max(need-near, 0); n <= need+block; n += block {
		free = append(free, n)
	}
	return free
}

// A run that does not look before it leaps meets the full disk at each block:
// it ends with 16 and the old level whole, or it succeeds; and it succeeds
// wherever the plan says that it would.
func TestDiskFull(t *testing.T) {
	for _, k := range diskKinds() {
		for _, trees := range []string{"tiny", "crash", "folders", "real"} {
			if !allDisks() && (k.name == "ext4-1k" && trees != "crash" || trees == "folders") {
				continue
			}
			for _, job := range []string{"apply", "revert"} {
				for _, backup := range []string{"", "backups"} {
					t.Run(strings.Join([]string{k.name, trees, job, backup}, "/"), func(t *testing.T) {
						newDisk(t, k, job, trees, backup, 3000).stepBytes(t)
					})
				}
			}
		}
	}
}

func (d *disk) stepBytes(t *testing.T) {
	d.fresh(t)
	need := int64(d.works(t, d.job).Space[0].Need)
	_, _, block := d.free(t)
	ends := map[bool]int{}
	for _, free := range steps(need, block) {
		d.fresh(t)
		makeRoom := d.leave(t, free)
		r := d.spawn(t, "blind-"+d.job, "")
		what := fmt.Sprintf("%s of %s on %s with %d of %d bytes", d.job, d.trees, d.kind, free, need)
		done := d.ended(t, what, r)
		ends[done]++
		if !done && free >= need || done && float64(free)*1.05 < float64(need) {
			t.Errorf("%s: done: %v: %s", what, done, r.Message)
		}
		makeRoom()
		if !done && free%(8*block) == 0 { // the same command again
			d.works(t, d.job)
			sameTree(t, what, readTree(t, d.pack()), d.to)
		}
	}
	d.looked(t, need, block)
	t.Logf("%d bytes are needed; full %d times, done %d times", need, ends[false], ends[true])
}

// looked: a run that looks first is refused at one block too few, with both
// numbers, and goes through at what it asks for.
func (d *disk) looked(t *testing.T, need, block int64) {
	t.Helper()
	for _, free := range []int64{need - block, need} {
		d.fresh(t)
		d.leave(t, free)
		r := d.spawn(t, d.job, "")
		if free >= need {
			if r.Message != "" {
				t.Errorf("with %d bytes: %s", free, r.Message)
			}
			continue
		}
		if want := fmt.Sprintf("%d bytes are needed, %d are free", need, free); r.Class != fault.NoSpace || !strings.Contains(r.Message, want) ||
			!strings.Contains(r.Hint, fmt.Sprintf("free %d bytes more", block)) {
			t.Errorf("%q (%s), want %q", r.Message, r.Hint, want)
		}
		d.untouched(t, "refused")
	}
}

// The same with inodes.
func TestDiskInodes(t *testing.T) {
	for _, k := range diskKinds() {
		for _, trees := range []string{"tiny", "crash", "folders"} {
			if !allDisks() && (k.name == "ext4-1k" || trees == "folders") {
				continue
			}
			for _, job := range []string{"apply", "revert"} {
				t.Run(strings.Join([]string{k.name, trees, job}, "/"), func(t *testing.T) {
					newDisk(t, k, job, trees, "", 1500).stepInodes(t)
				})
			}
		}
	}
}

func (d *disk) stepInodes(t *testing.T) {
	d.fresh(t)
	need := int64(d.works(t, d.job).Space[0].NeedInodes)
	ends := map[bool]int{}
	for _, free := range steps(need, 1) {
		d.fresh(t)
		makeRoom := d.leaveInodes(t, int(free))
		r := d.spawn(t, "blind-"+d.job, "")
		what := fmt.Sprintf("%s of %s on %s with %d of %d inodes", d.job, d.trees, d.kind, free, need)
		done := d.ended(t, what, r)
		ends[done]++
		if done != (free >= need) {
			t.Errorf("%s: done: %v: %s", what, done, r.Message)
		}
		makeRoom()
	}
	d.fresh(t)
	d.leaveInodes(t, int(need-1))
	r := d.spawn(t, d.job, "")
	if want := fmt.Sprintf("%d inodes are needed, %d are free", need, need-1); r.Class != fault.NoSpace || !strings.Contains(r.Message, want) || !strings.Contains(r.Hint, "remove 1 file more") {
		t.Errorf("%q (%s), want %q", r.Message, r.Hint, want)
	}
	t.Logf("%d inodes are needed; none left %d times, done %d times", need, ends[false], ends[true])
}

// On file systems that keep more than the run knows of, what the plan asks for is enough.
func TestDiskEnough(t *testing.T) {
	for _, k := range looseKinds() {
		for _, trees := range []string{"tiny", "crash", "folders", "many", "real"} {
			if !allDisks() && trees == "many" {
				continue
			}
			for _, job := range []string{"apply", "revert"} {
				d := newDisk(t, k, job, trees, "", 0)
				d.fresh(t)
				need := int64(d.works(t, job).Space[0].Need)
				d.fresh(t)
				d.leave(t, need+16<<10)
				free, _, _ := d.free(t)
				r := d.spawn(t, "blind-"+job, "")
				t.Logf("%s of %s on %s: %d bytes are needed, %d are free: %s", job, trees, k.name, need, free, r.Message)
				if !d.ended(t, k.name, r) && free >= need {
					t.Errorf("%s of %s on %s: %s", job, trees, k.name, r.Message)
				}
			}
		}
	}
}

// A run is killed, and then somebody fills the disk. Recovery brings the pack to
// one of the two levels at once, or says that it has no room (16) and does so
// when it has.
func TestDiskFullRecovery(t *testing.T) {
	for _, k := range diskKinds()[:2] {
		for _, job := range []string{"apply", "revert"} {
			t.Run(k.name+"/"+job, func(t *testing.T) {
				newDisk(t, k, job, "crash", "", 3000).recoverFull(t)
			})
		}
	}
}

func (d *disk) recoverFull(t *testing.T) {
	d.fresh(t)
	list := d.dir + ".effects"
	d.spawn(t, d.job, "count:"+list)
	b, err := os.ReadFile(list)
	must(t, err)
	ends, waited := map[string]int{}, 0
	for n, step := 1, cutStep()-2; n <= bytes.Count(b, []byte("\n")); n += max(step, 1) {
		what := fmt.Sprintf("killed at %d", n)
		d.fresh(t)
		if d.spawn(t, d.job, fmt.Sprint("kill:", n)) != nil {
			t.Fatalf("%s: it was not", what)
		}
		makeRoom := d.leave(t, 0)
		r := d.spawn(t, "recover", "")
		if r.Message != "" {
			if r.Class != fault.NoSpace {
				t.Errorf("%s: %+v", what, r)
			}
			waited++
			makeRoom()
			r = d.works(t, "recover")
		}
		ends[r.Action]++
		got := readTree(t, d.pack()).String()
		if got != d.from.whole().String() && got != d.to.whole().String() {
			t.Errorf("%s: %s: the tree is neither old nor new:\n%s", what, r.Action, got)
		}
	}
	t.Logf("recovered on a full disk: %v, %d of them when there was room again", ends, waited)
}
