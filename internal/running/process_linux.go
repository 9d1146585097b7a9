package running

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// proc is where the kernel shows its processes: proc(5).
const proc = "/proc"

// numbers are those of the processes that can be seen.
func numbers(context.Context) ([]int32, error) {
	dir, err := os.Open(proc)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []int32
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 32); err == nil {
			out = append(out, int32(n))
		}
	}
	slices.Sort(out)
	return out, nil
}

func (p number) file(name string) string {
	return filepath.Join(proc, strconv.Itoa(int(p)), name)
}

// most is how much of a file is read, in bytes: command lines can be longer.
const most = 1 << 20

func (p number) read(name string) ([]byte, error) {
	f, err := os.Open(p.file(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// alive: it is there, and not gone but for an exit status that nobody asked for yet.
func (p number) alive(context.Context) bool {
	s, err := p.stat()
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH)
	}
	return s.state != 'Z'
}

func (p number) parent(context.Context) (int32, error) {
	s, err := p.stat()
	return int32(s.parent), err
}

// began is when it was started, by the clock that it counts by, which stands still in no sleep.
func (p number) began(context.Context) (time.Time, error) {
	s, err := p.stat()
	if err != nil {
		return time.Time{}, err
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, err
	}
	return time.Now().Add(time.Duration(s.start)*(time.Second/ticks) - time.Duration(up.Nano())), nil
}

// name is the program's, of which the kernel keeps 15 letters.
func (p number) name(context.Context) (string, error) {
	s, err := p.stat()
	if err != nil || len(s.name) < 15 {
		return s.name, err
	}
	words, err := p.words(context.Background())
	if err == nil && len(words) > 0 && strings.HasPrefix(filepath.Base(words[0]), s.name) {
		return filepath.Base(words[0]), nil
	}
	return s.name, nil
}

func (p number) program(context.Context) (string, error) { return os.Readlink(p.file("exe")) }

func (p number) folder(context.Context) (string, error) { return os.Readlink(p.file("cwd")) }

// opened leaves out what it closed meanwhile.
func (p number) opened(context.Context) ([]openFile, error) {
	dir, err := os.Open(p.file("fd"))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	out := make([]openFile, 0, len(names))
	for _, name := range names {
		fd, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			return nil, err
		}
		if path, err := os.Readlink(filepath.Join(dir.Name(), name)); err == nil {
			out = append(out, openFile{path, fd})
		}
	}
	return out, nil
}

func (p number) onTerminal(context.Context) (bool, error) {
	s, err := p.stat()
	return s.terminal != 0, err
}

// words are its command line.
func (p number) words(context.Context) ([]string, error) {
	b, err := p.read("cmdline")
	if b = bytes.TrimRight(b, "\x00"); err != nil || len(b) == 0 {
		return nil, err
	}
	return strings.Split(string(b), "\x00"), nil
}

// ticks are what the kernel counts in a second for its users, on every platform that Go runs on.
const ticks = 100

// stat is what stands in a process's file of that name.
type stat struct {
	name     string
	state    byte
	parent   int64
	terminal int64 // 0: none
	start    int64 // in ticks since the machine started
}

func (p number) stat() (stat, error) {
	b, err := p.read("stat")
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(string(b))
	if err != nil {
		return stat{}, fmt.Errorf("process %d: %w", p, err)
	}
	return s, nil
}

var errStat = errors.New("its state has a form that is not known")

// parseStat reads "1 (name) S 0 …": the name may hold anything, parentheses too.
func parseStat(text string) (s stat, err error) {
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return stat{}, errStat
	}
	rest := strings.Fields(text[to+1:]) // the third field and those behind
	if len(rest) < 20 {
		return stat{}, errStat
	}
	s = stat{name: text[from+1 : to], state: rest[0][0]}
	for _, f := range []struct {
		field int
		to    *int64
	}{{4, &s.parent}, {7, &s.terminal}, {22, &s.start}} {
		if *f.to, err = strconv.ParseInt(rest[f.field-3], 10, 64); err != nil {
			return stat{}, errStat
		}
	}
	return s, nil
}
