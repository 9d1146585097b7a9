package main

import (
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// cost is what one run took: wall time, and the largest resident set in bytes.
type cost struct {
	wall time.Duration
	peak int64
}

// median runs a command as often as the bench says, before each run prepare,
// and gives the median time and the largest memory.
func (b *bench) median(prepare func() error, argv ...string) (cost, error) {
	var all []cost
	for range b.runs {
		if prepare != nil {
			if err := prepare(); err != nil {
				return cost{}, err
			}
		}
		c, err := once(argv)
		if err != nil {
			return cost{}, err
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y cost) int { return int(x.wall - y.wall) })
	middle := all[len(all)/2]
	for _, c := range all {
		middle.peak = max(middle.peak, c.peak)
	}
	return middle, nil
}

func once(argv []string) (cost, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out.String())
	}
	return cost{time.Since(start), peak(cmd.ProcessState)}, nil
}

// print writes one table: in each cell ours, then the stock tools'.
func print(w io.Writer, rows []row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(w, "\nEach cell: packlift / stock tools. Times in seconds, memory in MiB (largest process).")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "transition\tfiles\tbytes\tsize (less tools / tar.xz.age)\tcreate\tverify / openssl\tapply / unpack\tmemory create\tverify\tapply")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d / %d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name, r.files, r.bytes, r.size, r.peerSize,
			seconds(r.create), seconds(r.verify), seconds(r.apply), mebibytes(r.create), mebibytes(r.verify), mebibytes(r.apply))
	}
	t.Flush()
}

func seconds(p pair) string {
	return fmt.Sprintf("%.3f / %.3f", p.ours.wall.Seconds(), p.peer.wall.Seconds())
}

func mebibytes(p pair) string {
	return fmt.Sprintf("%d / %d", p.ours.peak>>20, p.peer.peak>>20)
}
