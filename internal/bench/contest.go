package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// contender is one way to bring a tree to another site.
type contender struct {
	name   string
	needs  []string              // commands
	setup  func() error          // once, before anything is measured; may be nil
	create []string              // makes the patch
	size   func() (int64, error) // of the patch
	fresh  func() error          // before each apply
	apply  []string              // makes the result
	check  func() error          // is an error if the result is wrong
	whole  bool                  // carries all of the product: no patch, and not compared as one
}

// result is what a contender reached.
type result struct {
	name          string
	whole         bool
	size          int64
	create, apply cost
}

// present leaves out contenders that are not wanted, and those whose commands
// are not there; these it names.
func present(all []contender, wanted string) (in []contender, left []string) {
	for _, c := range all {
		if !wants(wanted, c.name) {
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(c.needs), func(tool string) bool {
			_, err := exec.LookPath(tool)
			return err == nil
		})
		if len(missing) > 0 {
			left = append(left, fmt.Sprintf("%s (%s not installed)", c.name, strings.Join(missing, ", ")))
			continue
		}
		in = append(in, c)
	}
	return in, left
}

// contest lets all create in turn, as often as asked, then all apply.
func (b *bench) contest(name string, t *trees, all []contender) ([]result, error) {
	results := make([]result, len(all))
	for i, c := range all {
		results[i] = result{name: c.name, whole: c.whole}
		if c.setup != nil {
			if err := c.setup(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	err := b.rounds(name+", create", all, func(i int, c contender, round int) (*cost, error) {
		got, err := once(c.create)
		results[i].create.add(got)
		if err == nil && round == 0 {
			results[i].size, err = c.size()
		}
		return &results[i].create, err
	})
	if err != nil {
		return nil, err
	}
	err = b.rounds(name+", apply", all, func(i int, c contender, round int) (*cost, error) {
		if err := c.fresh(); err != nil {
			return nil, err
		}
		got, err := once(c.apply)
		results[i].apply.add(got)
		if err == nil && round == 0 {
			err = c.check()
		}
		return &results[i].apply, err
	})
	return results, err
}

// rounds calls f for each contender in turn, and again those that are quick.
func (b *bench) rounds(what string, all []contender, f func(i int, c contender, round int) (*cost, error)) error {
	slow := make([]bool, len(all))
	for round := range b.runs {
		for i, c := range all {
			if slow[i] {
				continue
			}
			got, err := f(i, c, round)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", what, c.name, err)
			}
			slow[i] = got.wall() > b.once
			fmt.Fprintf(os.Stderr, "%s, run %d: %s %s s\n", what, round+1, c.name, got.seconds(true))
		}
	}
	return nil
}

// fileSize is the size of one file.
func fileSize(name string) func() (int64, error) {
	return func() (int64, error) {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
}
