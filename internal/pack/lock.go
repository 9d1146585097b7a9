package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

const (
	lockPoll = 50 * time.Millisecond
	// The record has a fixed length so that writing it needs no truncation, and
	// begins at the second byte: on Windows the lock covers the first, which
	// then no other process can read.
	holderSize   = 1024
	holderOffset = 1
	lockTries    = 100
)

// deadWait is how long the lock of a process that is gone is waited for: the system
// gives it back a moment after a kill, later still while another process looks
// through its open files. Only tests change it.
var deadWait = 2 * time.Second

// Holder is who holds a pack's lock, as that process wrote it.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// Lock takes the pack's lock, waiting up to timeout (0: not at all), and
// returns what gives it back. command is told to whoever is refused. While
// another run holds the lock the error has class Locked and names that run.
func (p *Pack) Lock(ctx context.Context, timeout time.Duration, command string) (unlock func() error, err error) {
	began := time.Now()
	until := began.Add(timeout)
	for {
		held, err := p.tryLock()
		if err != nil {
			return nil, err
		}
		if held != nil {
			return p.locked(held, command)
		}
		if time.Now().Add(lockPoll).After(until) && (time.Since(began) > deadWait || !p.holderGone()) {
			return nil, p.lockedByOther()
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Interrupted, "%w, while it waited for the lock", context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// lock is what a run holds: the lock file, whose content tells of it, and the
// folder that it lies in. Who removes the file makes room for another one; the
// folder cannot be removed under a pack. It is nil where folders cannot be held.
type lock struct {
	file   *flock.Flock
	folder *os.File
}

func (l *lock) Close() error {
	err := l.file.Close()
	if l.folder != nil {
		err = errors.Join(err, l.folder.Close())
	}
	return err
}

// tryLock returns nil, nil while another process holds the lock.
func (p *Pack) tryLock() (*lock, error) {
	folder, err := p.root.HoldFolder(Dir)
	switch {
	case errors.Is(err, rootfs.ErrHeld):
		return nil, nil
	case err != nil && !errors.Is(err, rootfs.ErrNoHold):
		return nil, err
	}
	file, err := p.tryLockFile()
	if file == nil {
		if folder != nil {
			folder.Close()
		}
		return nil, err
	}
	return &lock{file, folder}, nil
}

func (p *Pack) tryLockFile() (*flock.Flock, error) {
	for range lockTries {
		if err := p.makeLockFile(); err != nil {
			return nil, err
		}
		// Without O_CREATE: creating is done through the pack's folder, so that
		// a folder put in its place gets no file.
		l := flock.New(p.root.Full(LockFile), flock.SetFlag(os.O_RDWR))
		ok, err := l.TryLock()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !ok {
			return nil, err
		}
		if same, err := p.holdsOwnLock(l); same && err == nil {
			return l, nil
		} else if l.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the pack %s or its lock file is being replaced; run again", p.Dir())
}

// makeLockFile sees to it that the lock is a regular file of this pack.
func (p *Pack) makeLockFile() error {
	info, err := p.root.Lstat(LockFile)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; remove it", p.root.Full(LockFile))
	}
	if err == nil {
		n, lerr := p.root.Links(LockFile)
		if lerr != nil || n < 2 {
			return nil // gone by now, or plain; writing into it checks again
		}
		return fault.New(fault.General, "%s has a second name (hard link), which a run would write through", p.root.Full(LockFile)).
			WithHint("while no run is under way: %s", typed.Remove(p.root.Full(LockFile)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := p.root.Create(LockFile, privateFile)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// holdsOwnLock compares the locked file with what has its name now: in the
// folder that is open, which may have been moved away since, or the lock file
// replaced, so that its holder would be alone with a ghost.
func (p *Pack) holdsOwnLock(l *flock.Flock) (bool, error) {
	held, err := l.Stat()
	if err != nil {
		return false, err
	}
	now, err := p.root.Lstat(LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, now), err
}

func (p *Pack) locked(l *lock, command string) (func() error, error) {
	err := p.writeHolder(thisHolder(command))
	if err == nil {
		err = p.sweep()
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	p.held = l
	released := false
	return func() error {
		if released {
			return nil
		}
		released, p.held = true, nil
		err := p.clearHolder(l)
		if err != nil {
			err = fmt.Errorf("the lock is given back, but its record of this run stays: %w", err)
		}
		return errors.Join(err, l.Close())
	}, nil
}

// CheckLock refuses to go on where the lock file was removed or replaced since
// this run took it, and nothing else keeps another run away (see lock). A caller
// that holds no lock is not asked for one.
func (p *Pack) CheckLock() error {
	if p.held == nil || p.held.folder != nil {
		return nil
	}
	same, err := p.holdsOwnLock(p.held.file)
	if err != nil || same {
		return err
	}
	return fault.New(fault.Locked, "%s was removed or replaced while this run held it: another run may be under way", p.root.Full(LockFile)).
		WithHint("find out who did so; then run the same command again")
}

// sweep removes the temporary files of runs that were killed, from folders that
// are the pack's own; only the lock's holder may, others' could be in use. What was seen
// of depots is written by runs that only ask, too, and hold no lock.
func (p *Pack) sweep() error {
	for _, dir := range []string{Updates, Dir, ManifestDir, TrustDir + "/1", DepotsDir} {
		if link, err := p.root.ParentLink(dir + "/x"); err != nil || link != "" {
			continue
		}
		clean := p.root.Sweep
		if dir == DepotsDir {
			clean = p.root.SweepOthers
		}
		if err := clean(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func thisHolder(command string) Holder {
	h := Holder{PID: os.Getpid(), Command: clean(command), Since: time.Now().UTC().Truncate(time.Second)}
	if name, err := os.Hostname(); err == nil {
		h.Host = clean(name)
	}
	if u, err := user.Current(); err == nil {
		h.User = clean(u.Username)
	}
	return h
}

// clean makes a word of anything, at most maxWord characters of it.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	return s[:min(len(s), maxWord)]
}

func (p *Pack) writeHolder(h Holder) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return p.writeRecord(string(b))
}

// clearHolder leaves alone what somebody put in the place of the lock's file.
func (p *Pack) clearHolder(l *lock) error {
	if own, err := p.holdsOwnLock(l.file); err != nil || !own {
		return err
	}
	return p.writeRecord("")
}

func (p *Pack) writeRecord(s string) error {
	f, err := p.root.Update(LockFile, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%-*s\n", holderSize-1, s), holderOffset)
	return errors.Join(err, f.Close())
}

// Holder reads who holds the lock, or held it when it died; ok is false if
// nobody wrote a readable record.
func (p *Pack) Holder() (h Holder, ok bool) {
	f, err := p.root.Open(LockFile)
	if err != nil {
		return Holder{}, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, holderOffset, holderSize))
	if err != nil || decodeStrict(b, &h) != nil || h.PID <= 0 || !printable(h.Host+h.User) || !printable(h.Command) {
		return Holder{}, false
	}
	return h, true
}

// holderGone holds where the process that the record names ran on this host and is
// no more.
func (p *Pack) holderGone() bool {
	h, ok := p.Holder()
	return ok && h.Host == thisHolder("").Host && processGone(h.PID)
}

func (p *Pack) lockedByOther() error {
	h, ok := p.Holder()
	if !ok {
		// The other run may be between taking the lock and writing its name.
		time.Sleep(lockPoll)
		h, ok = p.Holder()
	}
	who := "another run, which left no name"
	if ok {
		who = fmt.Sprintf("pid %d of user %s on host %s, running %q since %s", h.PID, h.User, h.Host, h.Command, h.Since.Format(time.RFC3339))
	}
	return fault.New(fault.Locked, "the pack %s is locked by %s", p.Dir(), who).
		WithHint("wait for that run, or give --lock-timeout 10m")
}
