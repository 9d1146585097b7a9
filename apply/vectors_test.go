package apply

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/keys"
	"packlift/internal/pack"
	"packlift/verify"
)

const testdata = "../testdata"

// vectorTree is a level of the vector good-between (testdata/vectorgen, stopFiles).
func vectorTree(level int) tree {
	t := tree{"a.txt": file(strings.Repeat("the same on all levels\n", 40) + fmt.Sprintf("level %d\n", level)), "same.txt": file("same\n")}
	if level == 3 || level == 8 {
		t["again.txt"] = file(strings.Repeat("comes again\n", 60))
	}
	return t
}

// betweenVector is good-between, opened, and what reads it.
func betweenVector(t *testing.T) (*verify.Bundle, Options) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testdata, "vectors", "good-between.packlift"))
	must(t, err)
	trust, err := verify.ParseTrustSet(os.DirFS(filepath.Join(testdata, "keys", "trust")))
	must(t, err)
	b, _, err := verify.Open(context.Background(), bytes.NewReader(raw), int64(len(raw)), verify.Options{Trust: trust})
	must(t, err)
	secret, err := os.ReadFile(filepath.Join(testdata, "keys", "identity.txt"))
	must(t, err)
	o := testOptions()
	o.Identities, err = keys.ReadIdentities("identity.txt", secret, nil)
	must(t, err)
	return b, o
}

// TestVectorBetween applies the vector from each stop to each later one.
func TestVectorBetween(t *testing.T) {
	b, o := betweenVector(t)
	stops := b.Info().Stops()
	if len(stops) != 4 {
		t.Fatalf("stops %v", stops)
	}
	for i, from := range stops {
		for _, to := range stops[i+1:] {
			t.Run(fmt.Sprint(from.Level, " to ", to.Level), func(t *testing.T) {
				p := samplePack(t, from.Level)
				o := o
				o.Level = to.Level
				pl, err := NewPlan(context.Background(), p, b, o)
				must(t, err)
				_, err = Run(context.Background(), p, b, pl, o)
				must(t, err)
				sameTree(t, "updated", readTree(t, p.Dir()), vectorTree(to.Level))
				if s, err := p.State(); err != nil || s.Level != to.Level || s.Manifest != to.Manifest {
					t.Errorf("%+v, %v", s, err)
				}
				tidy(t, p)
				revert(t, p, o)
				sameTree(t, "reverted", readTree(t, p.Dir()), vectorTree(from.Level))
			})
		}
	}
}

// samplePack is a pack of the vectors' product.
func samplePack(t *testing.T, level int) *pack.Pack {
	t.Helper()
	top := filepath.Join(scratch(t), "pack")
	must(t, os.Mkdir(top, 0o755))
	vectorTree(level).write(t, top)
	trust := map[string][]byte{}
	for _, name := range []string{"allowed_signers", "revoked_keys", "policy.json"} {
		text, err := os.ReadFile(filepath.Join(testdata, "keys", "trust", name))
		must(t, err)
		trust[name] = text
	}
	p, err := pack.Init(top, pack.InitOptions{Product: "sample", Version: "1.0.0", Level: level, Trust: trust})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}
