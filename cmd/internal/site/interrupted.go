package site

import (
	"errors"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

// interrupted reports whether a run was cut off: a journal is there.
func interrupted(p *pack.Pack) (bool, error) {
	for _, name := range []string{pack.Dir + "/journal", pack.Dir + "/journal.undo"} {
		if there, err := p.Root().Exists(name); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

func recoverHint() string { return typed.Import("recover") + " finishes or undoes it" }

// warnInterrupted says so before what is read of an interrupted pack is printed.
func warnInterrupted(c *cli.Console, p *pack.Pack) error {
	was, err := interrupted(p)
	if was {
		c.Warn("a run that changes this pack was interrupted, or is under way: what follows may be neither level")
		c.Hint("%s", recoverHint())
	}
	return err
}

// openToRead opens the pack for a command that only looks at it, and warns where a run
// was interrupted.
func (f *packFlag) openToRead(c *cli.Console) (*pack.Pack, error) {
	p, err := f.open()
	if err != nil {
		return nil, err
	}
	if err := warnInterrupted(c, p); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// refuseInterrupted is for a dry run, which changes nothing and so cannot recover.
func refuseInterrupted(p *pack.Pack) error {
	was, err := interrupted(p)
	if was {
		return fault.New(fault.General, "an earlier run was interrupted; a dry run changes nothing and cannot put that right").WithHint("%s", recoverHint())
	}
	return err
}
