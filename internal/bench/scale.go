package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"packlift/internal/rootfs"
)

const scaleName = "scale"

// What a scale needs: three trees, a stage, a bundle.
const (
	meanSize   = 107_374 // of a made file
	spaceTimes = 3.6
)

// scaled measures both sides on made trees, a tenth first, then all.
func (b *bench) scaled() error {
	sizes := []int{int(b.scale * madeFiles / 10), int(b.scale * madeFiles)}
	if b.tenth {
		sizes = sizes[:1]
	}
	if err := b.roomFor(sizes[len(sizes)-1]); err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return err
	}
	var all []scaleRun
	for _, n := range sizes {
		s, err := b.scaleOne(n)
		if err != nil {
			return fmt.Errorf("%d files: %w", n, err)
		}
		all = append(all, s)
	}
	fmt.Println(machine())
	return b.show(section{scaleName, b.scaleTable(all)})
}

// roomFor refuses where trees of n files do not fit.
func (b *bench) roomFor(n int) error {
	root, err := rootfs.Open(b.work)
	if err != nil {
		return err
	}
	defer root.Close()
	free, err := root.Free(".")
	if err != nil {
		return err
	}
	bytes, inodes := uint64(spaceTimes*meanSize*float64(n)), uint64(3*n+n/10+1000)
	if free.Bytes < bytes || free.Inodes < inodes {
		return fmt.Errorf("%s: %d files need about %.1f GiB and %d inodes, there are %.1f GiB and %d: give -dir another place, or a smaller -scale",
			b.work, n, float64(bytes)/(1<<30), inodes, float64(free.Bytes)/(1<<30), free.Inodes)
	}
	return nil
}

// scaleRun is what one size took, step by step.
type scaleRun struct {
	files   int
	bytes   int64
	changed int
	size    int64 // of the bundle less its tools
	steps   []step
}

type step struct {
	name string
	cost
}

func (b *bench) scaleOne(n int) (s scaleRun, err error) {
	t := &trees{dir: b.path("scale")}
	t.oldTree, t.newTree = t.path("old"), t.path("new")
	defer os.RemoveAll(t.dir)
	if err := makeTrees(t.oldTree, t.newTree, n); err != nil {
		return s, err
	}
	changed, _, err := changes(t.oldTree, t.newTree)
	if err != nil {
		return s, err
	}
	s.changed = len(changed)
	if s.files, s.bytes, err = treeSize(t.newTree); err != nil {
		return s, err
	}
	bundle, pack, product := t.path("bundle.packlift"), t.path("out"), "made-1.0.0"
	if err := b.repeat(&s, []scaleStep{
		{"create", b.createUpdate(t.oldTree, t.newTree, product, "0", "10", bundle), nil},
		{"verify", []string{b.tool("packlift-import"), "verify", "--trust", b.path("trust"), bundle}, nil},
	}, t.oldTree, t.newTree); err != nil {
		return s, err
	}
	if s.size, err = lessTools(bundle); err != nil {
		return s, err
	}
	if err := t.fresh(); err != nil {
		return s, err
	}
	if err := b.newPack(t.oldTree, pack, product, "0"); err != nil {
		return s, err
	}
	return s, b.repeat(&s, []scaleStep{
		{"apply", b.applyUpdate(pack, bundle), func() error { return equalTrees(pack, t.newTree, "updates") }},
		{"apply, nothing to do", b.applyUpdate(pack, bundle), nil},
		{"verify-pack", []string{b.tool("packlift-import"), "verify-pack", "--pack", pack}, nil},
		{"revert", shell(`"$@" || [ $? = 4 ]`, b.tool("packlift-import"), "revert", "--pack", pack), func() error { return equalTrees(pack, t.oldTree, "updates") }},
	}, pack)
}

// scaleStep is a command, and what has to be so after it.
type scaleStep struct {
	name  string
	argv  []string
	check func() error
}

// repeat takes steps in their order, the whole row again while its first is
// quick. Before each step what dirs hold is put out of memory, where that can be done:
// else a tree that fits into memory would be compared with one that does not.
func (b *bench) repeat(s *scaleRun, steps []scaleStep, dirs ...string) error {
	first := len(s.steps)
	for _, x := range steps {
		s.steps = append(s.steps, step{name: x.name})
	}
	for round := range b.runs {
		for i, x := range steps {
			if err := evict(dirs...); err != nil {
				return err
			}
			got, err := once(x.argv)
			if err == nil && x.check != nil && round == 0 {
				err = x.check()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			s.steps[first+i].add(got)
			fmt.Fprintf(os.Stderr, "%d files, run %d: %s %s s, %s MiB\n", s.files, round+1, x.name, got.seconds(false), got.mebibytes())
		}
		if s.steps[first].wall() > b.once {
			break
		}
	}
	return nil
}

func treeSize(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files++
			bytes += info.Size()
		}
		return err
	})
	return files, bytes, err
}

// scaleTable sets the sizes side by side; the last columns are what the larger
// takes for each file, as a multiple of what the smaller does.
func (b *bench) scaleTable(all []scaleRun) string {
	head, small := []string{""}, all[0]
	counts, bundles := []string{"files, of these new or changed"}, []string{"bundle less tools, bytes"}
	sizes := []string{"GiB"}
	for _, s := range all {
		head = append(head, fmt.Sprintf("%d files: s", s.files), "µs a file", "MiB")
		counts = append(counts, fmt.Sprint(s.files), fmt.Sprint(s.changed), "")
		sizes = append(sizes, fmt.Sprintf("%.2f", float64(s.bytes)/(1<<30)), "", "")
		bundles = append(bundles, fmt.Sprint(s.size), "", "")
	}
	rows := [][]string{append(head, "time a file ÷", "memory a file ÷"), append(counts, "", ""), append(sizes, "", ""), append(bundles, "", "")}
	for i, x := range small.steps {
		row := []string{x.name}
		for _, s := range all {
			c := s.steps[i].cost
			row = append(row, c.seconds(b.spread), figures(c.wall().Seconds()*1e6/float64(s.files)), c.mebibytes())
		}
		last := all[len(all)-1]
		more := float64(last.files) / float64(small.files)
		c := last.steps[i].cost
		rows = append(rows, append(row, figures(c.wall().Seconds()/x.wall().Seconds()/more), figures(float64(c.peak)/float64(max(x.peak, 1))/more)))
	}
	return table(rows)
}
