// Command bench measures the two binaries on real products beside the stock
// tools that do the same work: `tar | xz -6 -T0 | age` for create, `openssl
// dgst -sha256` for verify, `age -d | xz -d -T0 | tar -x` for apply.
//
//	make bench            # PACKS names the script that lays product trees
//	make bench SCALE=1    # besides, a made tree of 4 GiB and one of a tenth of it
//
// Each figure is the median of three runs in one go; memory is the largest
// resident set that a process of the run reached (wait4). Times are wall clock.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
)

// transitions are pairs of releases of real products.
var transitions = []struct{ product, from, to string }{
	{"allure", "2.43.0", "2.44.0"},
	{"allure", "2.40.0", "2.46.1"},
	{"liquibase", "4.27.0", "4.28.0"},
	{"typescript", "5.9.2", "5.9.3"},
	{"esbuild", "0.28.1", "0.28.2"},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	scale := flag.String("scale", "", "besides the packs: a tree of this many times 4 GiB, and one of a tenth")
	runs := flag.Int("runs", 3, "runs a figure is the median of")
	only := flag.String("only", "", "only this product")
	flag.Parse()
	if err := run(*scale, *runs, *only); err != nil {
		log.Fatal(err)
	}
}

func run(scale string, runs int, only string) error {
	work, err := os.MkdirTemp("", "packlift-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{work: work, runs: runs}
	if err := b.prepare(); err != nil {
		return err
	}
	var rows []row
	if rows, err = b.products(os.Getenv("PACKS"), only); err != nil {
		return err
	}
	if scale != "" {
		times, err := strconv.ParseFloat(scale, 64)
		if err != nil {
			return fmt.Errorf("-scale %s: %w", scale, err)
		}
		more, err := b.scaled(times)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	print(os.Stdout, rows)
	return nil
}

// products measures each transition whose trees can be laid.
func (b *bench) products(packs, only string) ([]row, error) {
	if _, err := os.Stat(packs); err != nil {
		fmt.Printf("no product trees: PACKS=%s: %v\n", packs, err)
		return nil, nil
	}
	var rows []row
	for _, c := range transitions {
		if only != "" && only != c.product {
			continue
		}
		name := c.product + " " + c.from + " to " + c.to
		fmt.Fprintln(os.Stderr, "measuring", name)
		from, to := filepath.Join(b.work, "from"), filepath.Join(b.work, "to")
		if err := layBoth(packs, c.product, c.from, c.to, from, to); err != nil {
			return rows, err
		}
		r, err := b.measureAll(name, c.product+"-"+c.from, from, to)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, r)
		if err := removeAll(from, to); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// scaled measures a made tree of a tenth of the size, then one of the whole.
func (b *bench) scaled(times float64) ([]row, error) {
	var rows []row
	for _, share := range []float64{0.1, 1} {
		size := int64(times * share * (4 << 30))
		name := fmt.Sprintf("made tree, %.1f GiB", float64(size)/(1<<30))
		fmt.Fprintln(os.Stderr, "measuring", name)
		from, to := filepath.Join(b.work, "from"), filepath.Join(b.work, "to")
		if err := makeTrees(from, to, size); err != nil {
			return rows, err
		}
		once := *b
		once.runs = 1
		r, err := once.measureAll(name, "made-1.0.0", from, to)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, r)
		if err := removeAll(from, to); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func removeAll(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
