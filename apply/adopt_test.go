package apply

import (
	"context"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/verify"
)

// A pack that no update has touched, one file of which is damaged and one gone.
var (
	adoptWhole   = tree{"a": file("a"), "b/c": file("c"), "b/d": file("d")}
	adoptDamaged = tree{"a": file("x"), "b/c": file("c"), "own": file("mine")}
	adoptHealed  = adoptWhole.with(tree{"own": file("mine")})
)

func adoptBundle(level int) *fakeBundle { return newFake(plainTB{}, nil, adoptWhole, level, level) }

func adoptPlan(p *pack.Pack, f *fakeBundle, o Options) (*Healing, error) {
	return planHeal(context.Background(), p, &f.info, &verify.Levels{Target: f.target, Contents: f.contents}, replaceAll{}, o.withDefaults())
}

func adoptNow(p *pack.Pack) error {
	f := adoptBundle(3)
	o := f.options()
	o.AcceptDifferent = true
	h, err := adoptPlan(p, f, o)
	if err != nil {
		return err
	}
	_, err = h.runHeal(context.Background(), p, &fakeBlobs{f: f}, o.withDefaults())
	return err
}

// TestAdopt: healing brings the manifest of the level, if the bundle holds that, and
// the tree passes for it.
func TestAdopt(t *testing.T) {
	p := newPack(t, adoptDamaged, 3)
	if _, err := adoptPlan(p, adoptBundle(4), testOptions()); fault.ClassOf(err) != fault.WrongLevel {
		t.Errorf("another level: %v", err)
	}
	h, err := adoptPlan(p, adoptBundle(3), testOptions())
	must(t, err)
	if err := h.CheckBase(); fault.ClassOf(err) != fault.Differs {
		t.Errorf("a tree that is hardly the level: %v", err)
	}
	must(t, adoptNow(p))
	sameTree(t, "healed", readTree(t, p.Dir()), adoptHealed)
	r, err := VerifyPack(context.Background(), p, 0)
	must(t, err)
	if r.Err() != nil || len(r.Extra) != 1 {
		t.Errorf("%+v", r)
	}
	tidy(t, p)
}
