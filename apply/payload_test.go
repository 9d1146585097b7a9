package apply

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A plan that knows of contents begins the payload that it is given, and its run goes
// on with it; one that finds contents staged leaves it until one is wanted.
func TestPayloadIsBegunByThePlan(t *testing.T) {
	b, o := betweenVector(t)
	for _, staged := range []bool{false, true} {
		p := samplePack(t, 3)
		if staged {
			must(t, os.Mkdir(filepath.Join(p.Dir(), filepath.FromSlash(stagedDir)), 0o700))
		}
		o := o
		o.Payload = NewPayload(b, o)
		pl, err := NewPlan(context.Background(), p, b, o)
		must(t, err)
		if begun := o.Payload.open != nil; begun == staged {
			t.Errorf("contents staged: %v, payload begun: %v", staged, begun)
		}
		if payloadFor(b, o) != o.Payload {
			t.Error("the run takes another payload")
		}
		_, err = Run(context.Background(), p, b, pl, o)
		must(t, err)
		sameTree(t, "updated", readTree(t, p.Dir()), vectorTree(b.Info().End))
		if o.Payload.open != nil {
			t.Error("the payload is open after the run")
		}
		must(t, o.Payload.Close())
	}
}

// A payload that no run took is closed once more without harm, and serves no other bundle.
func TestPayloadWithoutARun(t *testing.T) {
	b, o := betweenVector(t)
	other, _ := betweenVector(t)
	o.Payload = NewPayload(b, o)
	_, err := NewPlan(context.Background(), samplePack(t, 3), b, o)
	must(t, err)
	if payloadFor(other, o) == o.Payload || o.Payload.open == nil {
		t.Error("a payload that was begun serves another bundle")
	}
	source, end := payloadOf(b, o)()
	if _, err := source.Next(); err != nil || o.Payload.open != nil {
		t.Errorf("two payloads are open at a time; %v", err)
	}
	must(t, end())
	must(t, o.Payload.Close())
	var none *Payload
	none.begin()
	must(t, none.Close())
}
