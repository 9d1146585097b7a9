package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const depotName = "a depot of five levels of allure"

// depotBench is a depot of the last five of levelVersions: the first and all but the last are published, the last
// is what is measured; then bundles are made from it over HTTP.
type depotBench struct {
	*bench
	dir    string
	trees  []string
	before string // the depot without its last level
	depot  string
	server *nginx
	asked  string // file: what a bundle took, a path a line
	rows   [][]string
}

func (d *depotBench) path(elem ...string) string {
	return filepath.Join(append([]string{d.dir}, elem...)...)
}

const depotProduct = "allure-2.41.0"

// depots measures publishing and making bundles from a depot beside rsync and wget of the same bytes.
func (b *bench) depots() (section, error) {
	for _, name := range []string{"nginx", "rsync", "wget"} {
		if _, err := exec.LookPath(name); err != nil {
			return section{}, fmt.Errorf("%w (.ci/needs.sh bench installs it)", err)
		}
	}
	d := &depotBench{bench: b, dir: filepath.Join(b.work, "depot"), rows: [][]string{{strings.Join(levelVersions[1:], ", "), "bytes", "s", "MiB", "s ÷ rsync", "s ÷ wget"}}}
	defer os.RemoveAll(d.dir)
	d.before, d.depot, d.asked = d.path("before"), d.path("depot"), d.path("asked")
	for _, step := range []func() error{d.lay, d.publishing, d.fetching} {
		if err := step(); err != nil {
			return section{}, err
		}
	}
	return section{depotName, table(d.rows)}, nil
}

func (d *depotBench) lay() error {
	for _, version := range levelVersions[1:] {
		tree := d.path(version)
		if err := os.MkdirAll(tree, 0o755); err != nil {
			return err
		}
		if err := d.layOne("allure", version, tree); err != nil {
			return err
		}
		d.trees = append(d.trees, tree)
	}
	return nil
}

// exporter is a run of the exporter by a user who has seen no depot yet.
func (d *depotBench) exporter(args ...string) []string {
	return append([]string{"env", "HOME=" + d.path("home"), d.tool("packlift-export")}, args...)
}

func (d *depotBench) publish(depot string, n int) []string {
	return d.exporter("publish", d.trees[n], "--depot", depot, "--product", depotProduct, "--level", fmt.Sprint(10*(n+1)),
		"--sign-key", d.bench.path("keys", "vendor"), "--trust", d.bench.path("trust"), "--tools", d.bench.path("tools"))
}

// timed is one row: what is put in order, the command, and the bytes that it made or fetched.
type timed struct {
	name  string
	fresh func() error
	argv  []string
	bytes func() (int64, error)
	cost  cost
	n     int64
}

// take lets all run in turn, as often as asked.
func (d *depotBench) take(all []*timed) error {
	for round := range d.runs {
		for _, t := range all {
			if round > 0 && t.cost.wall() > d.once {
				continue
			}
			if err := errors.Join(os.RemoveAll(d.path("home")), t.fresh(), quiet("sync")); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			c, err := once(t.argv)
			if err == nil {
				t.cost.add(c)
				t.n, err = t.bytes()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s, run %d: %s %s s\n", depotName, round+1, t.name, t.cost.seconds(true))
		}
	}
	return nil
}

// row writes one, beside rsync and wget where these are given.
func (d *depotBench) row(t, rsync, wget *timed) {
	beside := func(other *timed) string {
		if other == nil || other == t {
			return ""
		}
		return ratio(t.cost, other.cost)
	}
	d.rows = append(d.rows, []string{t.name, fmt.Sprint(t.n), t.cost.seconds(d.spread), t.cost.mebibytes(), beside(rsync), beside(wget)})
}

// grown is what a folder holds more than before.
func grown(dir string, before int64) func() (int64, error) {
	return func() (int64, error) {
		_, n, err := treeSize(dir)
		return n - before, err
	}
}

// publishing measures the first level, and the last one beside rsync of what it brought.
func (d *depotBench) publishing() error {
	scratch, mirror := d.path("first"), d.path("mirror")
	for n := range len(d.trees) - 1 {
		if err := quiet(d.publish(d.before, n)...); err != nil {
			return err
		}
	}
	_, size, err := treeSize(d.before)
	if err != nil {
		return err
	}
	first := &timed{name: "publish, the first level", fresh: func() error { return os.RemoveAll(scratch) }, argv: d.publish(scratch, 0), bytes: grown(scratch, 0)}
	last := &timed{name: "publish, the fifth level", fresh: func() error { return again(d.before, d.depot) }, argv: d.publish(d.depot, len(d.trees)-1), bytes: grown(d.depot, size)}
	copied := &timed{name: "rsync -a, the fifth level to a mirror", fresh: func() error { return again(d.before, mirror) },
		argv: []string{"rsync", "-a", d.depot + "/", mirror + "/"}, bytes: grown(mirror, size)}
	if err := d.take([]*timed{first, last, copied}); err != nil {
		return err
	}
	d.row(first, nil, nil)
	d.row(last, copied, nil)
	d.row(copied, nil, nil)
	return nil
}

// again makes to the same as from.
func again(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return quiet("cp", "-a", from, to)
}

// fetching makes a bundle over all five levels from nginx, and brings a pack up, beside wget and
// rsync of the very files that this takes.
func (d *depotBench) fetching() (err error) {
	if d.server, err = startNginx(d.path("nginx"), d.depot); err != nil {
		return err
	}
	defer d.server.stop()
	cache, got, pack := d.path("cache"), d.path("got"), d.path("pack")
	fetched := func() (int64, error) { return d.server.sent() }
	cold := func() error { return errors.Join(os.RemoveAll(cache), d.server.forget()) }
	ours := &timed{name: "create-update, first level to fifth", fresh: cold, argv: d.create(cache), bytes: fetched}
	if err := d.notes(ours); err != nil {
		return err
	}
	wget := &timed{name: "wget of the same files", fresh: func() error { return errors.Join(os.RemoveAll(got), d.server.forget()) },
		argv: []string{"wget", "-q", "-x", "-nH", "-P", got, "-B", d.server.url, "-i", d.asked + ".urls"}, bytes: fetched}
	rsync := &timed{name: "rsync -a of the same files", fresh: func() error { return errors.Join(os.RemoveAll(got), os.MkdirAll(got, 0o755)) },
		argv: []string{"rsync", "-a", "--files-from=" + d.asked, d.depot + "/", got + "/"}, bytes: grown(got, 0)}
	warm := &timed{name: "create-update once more, with its cache", fresh: d.server.forget, argv: d.create(cache), bytes: fetched}
	update := &timed{name: "update of a connected pack", fresh: func() error {
		return errors.Join(cold(), os.RemoveAll(pack), os.MkdirAll(pack, 0o755), d.newPack(d.trees[0], pack, depotProduct, "10"), d.server.forget())
	}, argv: d.exporter("update", pack, "--depot", d.server.url, "--cache", cache), bytes: fetched}
	if err := d.take([]*timed{ours, warm, wget, rsync, update}); err != nil {
		return err
	}
	for _, t := range []*timed{ours, warm, update, wget, rsync} {
		d.row(t, rsync, wget)
	}
	return equalTrees(pack, d.trees[len(d.trees)-1], "updates")
}

func (d *depotBench) create(cache string) []string {
	return d.exporter("create-update", "--depot", d.server.url, "--product", depotProduct, "-s", "10", "-r", d.recipient, "--sign-key", d.bench.path("keys", "vendor"),
		"--trust", d.bench.path("trust"), "--tools", d.bench.path("tools"), "--cache", cache, "--no-cache", "-o", d.path("bundle.packlift"))
}

// notes finds out which files a bundle takes; what is asked for and is not there is no file.
func (d *depotBench) notes(ours *timed) error {
	if err := ours.fresh(); err != nil {
		return err
	}
	if err := quiet(ours.argv...); err != nil {
		return err
	}
	list, err := d.server.asked()
	if err != nil {
		return err
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(name string) bool {
		_, err := os.Stat(filepath.Join(d.depot, name))
		return err != nil
	})
	if len(list) < 10 {
		return fmt.Errorf("a bundle took %d files only: %v", len(list), list)
	}
	var names, urls strings.Builder
	for _, name := range list {
		names.WriteString(name + "\n")
		urls.WriteString(d.server.url + "/" + name + "\n")
	}
	return errors.Join(os.WriteFile(d.asked, []byte(names.String()), 0o644), os.WriteFile(d.asked+".urls", []byte(urls.String()), 0o644))
}
