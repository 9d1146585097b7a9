//go:build !linux

package running

import (
	"context"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// numbers are those of the processes that can be seen.
func numbers(ctx context.Context) ([]int32, error) { return process.PidsWithContext(ctx) }

// process is p without what NewProcess asks for, which takes the longest.
func (p number) process() *process.Process { return &process.Process{Pid: int32(p)} }

// alive: it is there, and not gone but for an exit status that nobody asked for yet.
func (p number) alive(ctx context.Context) bool {
	there, err := process.PidExistsWithContext(ctx, int32(p))
	if err != nil || !there {
		return false
	}
	status, err := p.process().StatusWithContext(ctx)
	return err != nil || !slices.Contains(status, process.Zombie)
}

func (p number) parent(ctx context.Context) (int32, error) { return p.process().PpidWithContext(ctx) }

func (p number) began(ctx context.Context) (time.Time, error) {
	ms, err := p.process().CreateTimeWithContext(ctx)
	return time.UnixMilli(ms), err
}

func (p number) name(ctx context.Context) (string, error) { return p.process().NameWithContext(ctx) }

func (p number) program(ctx context.Context) (string, error) { return p.process().ExeWithContext(ctx) }

func (p number) folder(ctx context.Context) (string, error) { return p.process().CwdWithContext(ctx) }

func (p number) opened(ctx context.Context) (out []openFile, err error) {
	files, err := p.process().OpenFilesWithContext(ctx)
	for _, f := range files {
		out = append(out, openFile{f.Path, f.Fd})
	}
	return out, err
}

func (p number) onTerminal(ctx context.Context) (bool, error) {
	tty, err := p.process().TerminalWithContext(ctx)
	return tty != "", err
}

// words are its command line.
func (p number) words(ctx context.Context) ([]string, error) {
	return p.process().CmdlineSliceWithContext(ctx)
}
