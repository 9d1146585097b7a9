// Package running finds the processes that run from a folder: a product that is
// to be changed has to be stopped first.
//
// A process counts that a pid file in the folder names, whose program lies in the
// folder, or that has a file in it open or works in it. Left out are
//
//   - this process and those that started it
//   - a pid file that is older than the process: the number was given anew
//   - files that are the pack's own (updates/, bin/packlift-import*)
//   - one that stands in one pipeline with this process, whose program is none of the
//     folder's. Linux tells that by the pipes themselves; elsewhere a parent and a
//     process group in common stand for it
//   - one that only works in the folder, if it is a shell that waits on a terminal for
//     somebody's commands
//
// What other users' processes have open only root sees; on macOS and Windows open files
// are not looked at. A process in another container or on another machine that shares the folder is not seen.
package running

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// PIDFiles are the places, as path.Match patterns, where products keep pid files:
// wso2carbon.pid, carbon.pid and runtime.pid of WSO2 among them.
var PIDFiles = []string{"*.pid", "bin/*.pid", "run/*.pid", "var/run/*.pid", "logs/*.pid", "wso2/*/*.pid"}

// MaxPIDFiles is the most pid files that are looked at.
const MaxPIDFiles = 1000

// Process is one that runs from the folder.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
	Why  string `json:"why"` // such as "has lib/core.jar open"
}

func (p Process) String() string {
	if p.Name == "" {
		return fmt.Sprintf("process %d (%s)", p.PID, p.Why)
	}
	return fmt.Sprintf("%s, process %d (%s)", p.Name, p.PID, p.Why)
}

// Find lists the processes that run from the folder root, in the order of their
// numbers. more are further patterns of pid files, relative to the folder.
func Find(ctx context.Context, root *rootfs.Root, more ...string) ([]Process, error) {
	s := &search{ctx: ctx, root: root, found: map[int32]Process{}, ends: map[int32]ends{}}
	for _, dir := range []string{root.Path(), realPath(root.Path())} {
		if !slices.Contains(s.dirs, dir) {
			s.dirs = append(s.dirs, dir)
		}
	}
	s.family()
	if err := s.pidFiles(append(slices.Clone(PIDFiles), more...)); err != nil {
		return nil, err
	}
	if err := s.processes(); err != nil {
		return nil, err
	}
	out := make([]Process, 0, len(s.found))
	for _, p := range s.found {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Process) int { return a.PID - b.PID })
	return out, nil
}

func realPath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

type search struct {
	ctx    context.Context
	root   *rootfs.Root
	dirs   []string // the folder's names
	ours   map[int32]bool
	parent int32
	found  map[int32]Process
	ends   map[int32]ends
}

// family notes this process and its ancestors.
func (s *search) family() {
	self := int32(os.Getpid())
	s.ours, s.parent = map[int32]bool{self: true}, int32(os.Getppid())
	for pid := s.parent; pid > 0 && !s.ours[pid]; {
		s.ours[pid] = true
		var err error
		if pid, err = number(pid).parent(s.ctx); err != nil {
			return
		}
	}
}

func (s *search) pidFiles(patterns []string) error {
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(escaped(s.root.Path()), filepath.FromSlash(pattern)))
		if err != nil {
			return fmt.Errorf("pid file %q: %w", pattern, err)
		}
		for _, full := range names[:min(len(names), MaxPIDFiles)] {
			rel, err := filepath.Rel(s.root.Path(), full)
			if err != nil {
				return err
			}
			s.pidFile(filepath.ToSlash(rel))
		}
	}
	return nil
}

// escaped is a folder's name as a pattern.
func escaped(dir string) string {
	if runtime.GOOS == "windows" { // where a pattern cannot escape, and names hold no * or ?
		return dir
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// pidFile notes the process that a pid file names. One that cannot be read, or
// holds something else, names none.
func (s *search) pidFile(name string) {
	info, err := s.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	b, err := s.root.ReadFile(name, 64)
	if err != nil {
		return
	}
	pid, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 32)
	if err != nil || pid < 1 || s.ours[int32(pid)] {
		return
	}
	p := number(pid)
	if !p.alive(s.ctx) {
		return
	}
	if began, err := p.began(s.ctx); err == nil && began.After(info.ModTime().Add(slack)) {
		return
	}
	s.note(p, name+" names it")
}

// slack is how exactly the start of a process is known.
const slack = 3 * time.Second

func (s *search) note(p number, why string) {
	if _, ok := s.found[int32(p)]; ok {
		return
	}
	name, err := p.name(s.ctx)
	if err != nil {
		name = ""
	}
	s.found[int32(p)] = Process{int(p), printable(name), why}
}

// printable keeps what a process calls itself from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

func (s *search) processes() error {
	all, err := numbers(s.ctx)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return context.Cause(s.ctx)
		}
		return fmt.Errorf("the running processes cannot be listed: %w", err)
	}
	users, files := make([]user, len(all)), make([]ends, len(all))
	g, ctx := errgroup.WithContext(s.ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, pid := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(s.ctx)
			}
			users[i], files[i] = s.holds(number(pid))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, pid := range all {
		s.ends[pid] = files[i]
	}
	line := pipeline(int32(os.Getpid()), s.ends)
	for _, u := range users {
		if u.why != "" && !s.ours[int32(u.p)] && !s.onlooker(u, line) {
			s.note(u.p, u.why)
		}
	}
	return nil
}

// holds says what of the folder a process uses, "" for nothing that can be seen, and
// what ends of pipes it has.
func (s *search) holds(p number) (_ user, has ends) {
	if exe, err := p.program(s.ctx); err == nil {
		if rel, ok := s.inside(exe); ok {
			return user{p, "its program is " + rel, program}, has
		}
	}
	if runtime.GOOS != "windows" { // asking for them there can block; and what is open is not replaced
		files, err := p.opened(s.ctx)
		has = endsOf(files)
		for _, f := range files {
			if rel, ok := s.inside(f.path); err == nil && ok && rel != "." {
				return user{p, "has " + rel + " open", open}, has
			}
		}
	}
	cwd, err := p.folder(s.ctx)
	if rel, ok := s.inside(cwd); err == nil && ok {
		return user{p, "works in " + rel, stands}, has
	}
	return user{}, has
}

// inside gives name relative to the folder, if it lies in it and is the product's.
func (s *search) inside(name string) (string, bool) {
	name = strings.TrimSuffix(name, " (deleted)") // of Linux
	if !filepath.IsAbs(name) {
		return "", false
	}
	for _, dir := range s.dirs {
		rel, err := filepath.Rel(dir, name)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			rel = filepath.ToSlash(rel)
			return printable(rel), !manifest.Reserved(rel)
		}
	}
	return "", false
}
