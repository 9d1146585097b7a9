package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const windowName = "window"

// windowed is what updates of one transition took: whole runs, and of these the time
// from the end of hook-pre to the begin of hook-post, in which the product is stopped.
type windowed struct {
	transition
	run, window             cost // unstaged
	stage, late, lateWindow cost // staged before
}

// windows measures how long a product has to be stopped, with its contents staged
// before and without, in turn.
func (b *bench) windows() (section, error) {
	var all []windowed
	for _, c := range transitions[:3] {
		w, err := b.windowOf(c)
		if err != nil {
			return section{}, fmt.Errorf("%s: %w", c.name(), err)
		}
		all = append(all, w)
	}
	return section{windowName, windowTable(all, b.spread)}, nil
}

func (b *bench) windowOf(c transition) (w windowed, err error) {
	w.transition = c
	dir := b.path("window")
	defer os.RemoveAll(dir)
	t, err := b.lay(c, dir)
	if err != nil {
		return w, err
	}
	bundle := t.path("bundle.packlift")
	if err := quiet(b.createUpdate(t.oldTree, t.newTree, c.product+"-"+c.from, "0", "10", bundle)...); err != nil {
		return w, err
	}
	for range b.runs {
		for _, staged := range []bool{false, true} {
			if err := b.windowOnce(&w, t, bundle, staged); err != nil {
				return w, err
			}
		}
	}
	return w, nil
}

func (b *bench) windowOnce(w *windowed, t *trees, bundle string, staged bool) error {
	if err := t.fresh(); err != nil {
		return err
	}
	pack := t.path("out")
	if err := b.newPack(t.oldTree, pack, w.product+"-"+w.from, "0"); err != nil {
		return err
	}
	run, window := &w.run, &w.window
	if staged {
		run, window = &w.late, &w.lateWindow
		c, err := once([]string{b.tool("packlift-import"), "stage", "--pack", pack, "-i", b.path("identity"), bundle})
		if err != nil {
			return err
		}
		w.stage.add(c)
	}
	pre, post := t.path("pre"), t.path("post")
	c, err := once(append(b.applyUpdate(pack, bundle), "--hook-pre", "date +%s.%N >'"+pre+"'", "--hook-post", "date +%s.%N >'"+post+"'"))
	if err != nil {
		return err
	}
	run.add(c)
	stopped, err := between(pre, post)
	if err != nil {
		return err
	}
	window.add(cost{walls: []time.Duration{stopped}})
	return equalTrees(pack, t.newTree, "updates")
}

// between is the time between two files that hold one each, in seconds.
func between(from, to string) (time.Duration, error) {
	var at [2]float64
	for i, name := range []string{from, to} {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return 0, err
		}
		if at[i], err = strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err != nil {
			return 0, err
		}
	}
	return time.Duration((at[1] - at[0]) * float64(time.Second)), nil
}

func windowTable(all []windowed, spread bool) string {
	rows := [][]string{{"", "apply s", "of it stopped s", "stage s", "apply, staged s", "of it stopped s", "stopped: staged ÷ unstaged"}}
	for _, w := range all {
		rows = append(rows, []string{w.name(), w.run.seconds(spread), w.window.seconds(spread), w.stage.seconds(spread), w.late.seconds(spread), w.lateWindow.seconds(spread),
			figures(w.lateWindow.wall().Seconds() / w.window.wall().Seconds())})
	}
	return table(rows)
}
