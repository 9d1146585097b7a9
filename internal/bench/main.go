// Command bench measures the two binaries beside the tools that do the same
// work: each in turn, in one run, on releases of real products.
//
//	make bench                       # PACKS names the script that lays product trees
//	make bench ONLY=esbuild PEERS=zstd,xdelta3 RUNS=5
//	make bench ONLY=depot            # publishing and fetching beside rsync and wget
//	make bench WRITE=1               # writes its tables into docs/benchmarks.md too
//	make bench-scale SCALE=0.05      # made trees: a tenth of 100 000 files and 10 GiB times SCALE, then all
//
// A time is the median of the runs, wall clock; what takes longer than -once is
// run once. Memory is the largest resident set that a process of any run
// reached (wait4): of several that run at a time, that of the largest. Peers
// work on tars and lists that stand ready and neither encrypt, sign, back up
// nor sync; what they make is compared with what they should have made.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	var o options
	flag.IntVar(&o.runs, "runs", 3, "runs a figure is the median of")
	flag.DurationVar(&o.once, "once", 10*time.Second, "what takes longer is run once")
	flag.StringVar(&o.only, "only", "", "only transitions whose names hold one of these words, split at commas; every is the bundle with levels between, depot the depot, window how long a product is stopped")
	flag.StringVar(&o.peers, "peers", "", "only peers whose names hold one of these words, split at commas; none for none")
	flag.StringVar(&o.write, "write", "", "write the tables into this document, between their markers")
	flag.BoolVar(&o.spread, "spread", false, "show the least and the most beside each median")
	flag.Float64Var(&o.scale, "scale", 0, "instead of real products: made trees of this many times 100 000 files and 10 GiB, and of a tenth")
	flag.StringVar(&o.dir, "dir", "", "where scratch files lie (default: the system's place)")
	flag.BoolVar(&o.tenth, "tenth", false, "with -scale: only the tenth")
	flag.Parse()
	o.packs = os.Getenv("PACKS")
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	runs        int
	once        time.Duration
	only, peers string
	write       string
	spread      bool
	scale       float64
	tenth       bool
	dir         string
	packs       string
}

// wants reports whether a list of words, empty for all, names name.
func wants(list, name string) bool {
	for word := range strings.SplitSeq(list, ",") {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func run(o options) error {
	if o.runs < 1 {
		return errors.New("-runs has to be 1 at least")
	}
	work, err := os.MkdirTemp(o.dir, "packlift-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{options: o, work: work}
	if o.scale > 0 {
		return b.scaled()
	}
	if _, err := os.Stat(o.packs); err != nil {
		return fmt.Errorf("no product trees: PACKS=%s: %w", o.packs, err)
	}
	if err := b.prepare(); err != nil {
		return err
	}
	fmt.Println(machine())
	for _, c := range transitions {
		if !wants(o.only, c.name()) {
			continue
		}
		s, err := b.measure(c)
		if err == nil {
			err = b.show(s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	for _, more := range []struct {
		name    string
		measure func() (section, error)
	}{{levelsName, b.levels}, {depotName, b.depots}, {windowName, b.windows}} {
		if !wants(o.only, more.name) {
			continue
		}
		s, err := more.measure()
		if err == nil {
			err = b.show(s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", more.name, err)
		}
	}
	return nil
}

// show prints a section, and writes it into the document if asked, as soon as
// it is there: what fails later takes nothing from it.
func (b *bench) show(s section) error {
	fmt.Printf("\n%s\n\n%s", s.name, s.text)
	if b.write == "" {
		return nil
	}
	return writeSection(b.write, s)
}

// measure lays the trees of a transition and measures everyone on them.
func (b *bench) measure(c transition) (section, error) {
	dir := filepath.Join(b.work, "now")
	defer os.RemoveAll(dir)
	t, err := b.lay(c, dir)
	if err != nil {
		return section{}, err
	}
	contenders, left := present(b.peersOf(t), b.peers)
	all := append([]contender{b.ours(t)}, contenders...)
	results, err := b.contest(c.name(), t, all)
	if err != nil {
		return section{}, err
	}
	v, err := b.verifies(t)
	if err != nil {
		return section{}, err
	}
	return section{c.name(), b.report(t, results, v, left)}, nil
}
