package apply

import "packlift/internal/pack"

// Unconfirmed gives the change of p whose health check did not come to its end; ok
// is false where there is none. stale says that a note is there of a change that did
// not come about, or was taken back: it means nothing.
func Unconfirmed(p *pack.Pack) (u pack.Unconfirmed, ok, stale bool, err error) {
	u, there, err := p.Unconfirmed()
	if err != nil || !there {
		return pack.Unconfirmed{}, false, false, err
	}
	s, err := p.State()
	if err != nil {
		return pack.Unconfirmed{}, false, false, err
	}
	stack := standing(s)
	if len(stack) > 0 && stack[len(stack)-1].Generation == u.Generation {
		return u, true, false, nil
	}
	return pack.Unconfirmed{}, false, true, nil
}

// WillMake is the note of the change that the plan is going to make.
func (pl *Plan) WillMake() pack.Unconfirmed {
	return pack.Unconfirmed{Generation: pl.head.Generation, From: pl.From, To: pl.To, Hotfix: pl.head.Hotfix}
}
