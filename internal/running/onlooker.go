package running

import (
	"runtime"
	"slices"
	"strings"
)

// user is a process that uses something of the folder, and how.
type user struct {
	p   number
	why string
	how tie
}

type tie int

const (
	program tie = iota
	open
	stands // it only works in it
)

// ends are the pipes that a process reads its input from and writes its output to.
type ends struct {
	in  string
	out []string
}

// endsOf finds them in what a process has open, as Linux names it.
func endsOf(files []openFile) (e ends) {
	for _, f := range files {
		switch {
		case !strings.HasPrefix(f.path, "pipe:["):
		case f.fd == 0:
			e.in = f.path
		case f.fd <= 2:
			e.out = append(e.out, f.path)
		}
	}
	return e
}

// pipeline are the processes that what this one writes goes to, or what it reads
// comes from, through any number of pipes. Who only shares an end with it, as all
// that one script started do, is none of them.
func pipeline(self int32, all map[int32]ends) map[int32]bool {
	line := map[int32]bool{}
	down, up := slices.Clone(all[self].out), []string{}
	if in := all[self].in; in != "" {
		up = append(up, in)
	}
	for grew := true; grew; {
		grew = false
		for pid, e := range all {
			reads := slices.Contains(down, e.in)
			writes := slices.ContainsFunc(e.out, func(o string) bool { return slices.Contains(up, o) })
			if line[pid] || pid == self || !reads && !writes {
				continue
			}
			line[pid], grew = true, true
			if reads {
				down = append(down, e.out...)
			}
			if writes && e.in != "" {
				up = append(up, e.in)
			}
		}
	}
	return line
}

// onlooker: what the user has of the folder is not the product's work. line is this
// process's pipeline.
func (s *search) onlooker(u user, line map[int32]bool) bool {
	switch {
	case u.how == program:
		return false
	case line[int32(u.p)] || s.besideUs(u.p):
		return true
	}
	return u.how == stands && s.shell(u.p)
}

// besideUs stands for the pipeline where nothing tells who reads which pipe.
func (s *search) besideUs(p number) bool {
	if runtime.GOOS == "linux" {
		return false
	}
	parent, err := p.parent(s.ctx)
	return err == nil && parent == s.parent && sameGroup(int32(p))
}

var shells = []string{"sh", "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh", "tcsh", "xonsh", "yash", "zsh"}

// shell: it waits on a terminal for what somebody types. One that runs a script does not.
func (s *search) shell(p number) bool {
	if runtime.GOOS == "windows" {
		words, err := p.words(s.ctx)
		return err == nil && isConsole(words)
	}
	if tty, err := p.onTerminal(s.ctx); err != nil || !tty {
		return false
	}
	words, err := p.words(s.ctx)
	return err == nil && isShell(words)
}

func isShell(words []string) bool {
	if len(words) == 0 {
		return false
	}
	name := strings.TrimPrefix(words[0], "-") // of a login shell
	if !slices.Contains(shells, name[strings.LastIndexByte(name, '/')+1:]) {
		return false
	}
	for i, w := range words[1:] {
		file := slices.Contains([]string{"--rcfile", "--init-file"}, words[i])
		if w == "-c" || !file && !strings.HasPrefix(w, "-") {
			return false
		}
	}
	return true
}
