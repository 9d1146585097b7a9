package bundle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

const (
	vectorDir = "../testdata/vectors"
	keyDir    = "../testdata/keys"
)

// vector is an entry of vectors.json (docs/format.md, "Test vectors").
type vector struct {
	Name, File, About string
	Layer             bundle.Layer
	Class             string
	Exit              int
	Identity, Trust   string
	Detached          []string
	Later             bool `json:"later_format"`
}

func readFile(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	var out []vector
	d := json.NewDecoder(bytes.NewReader(readFile(t, vectorDir, "vectors.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("only %d vectors", len(out))
	}
	return out
}

func identities(t testing.TB, name string) []age.Identity {
	t.Helper()
	b := readFile(t, keyDir, name)
	if name == "passphrase.txt" {
		return []age.Identity{keys.PassphraseIdentity(func() ([]byte, error) { return bytes.TrimSpace(b), nil })}
	}
	ids, err := keys.ReadIdentities(name, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// readWhole does all that verify does to a bundle.
func readWhole(t testing.TB, v vector) error {
	t.Helper()
	b := readFile(t, vectorDir, v.File)
	trust, err := verify.ParseTrustSet(os.DirFS(filepath.Join(keyDir, v.Trust)))
	if err != nil {
		t.Fatal(err)
	}
	o := verify.Options{Trust: trust, Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	for _, name := range v.Detached {
		o.Detached = append(o.Detached, readFile(t, vectorDir, name))
	}
	opened, _, err := verify.Open(context.Background(), bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		return err
	}
	if opened.LaterFormat() != v.Later {
		t.Errorf("LaterFormat is %v", opened.LaterFormat())
	}
	if _, err := opened.CheckContent(context.Background(), identities(t, v.Identity)); err != nil {
		return err
	}
	if v.Later {
		return nil
	}
	_, err = opened.Levels(identities(t, v.Identity))
	return err
}

// TestVectors reads each vector and expects the layer and class that
// vectors.json names. A layer marks the fault it finds itself, so the layer
// named is the one that refused, before the next.
func TestVectors(t *testing.T) {
	good := 0
	for _, v := range readVectors(t) {
		if v.Layer == "" {
			good++
		}
		t.Run(v.Name, func(t *testing.T) {
			err := readWhole(t, v)
			switch {
			case v.Layer == "" && err != nil:
				t.Errorf("%s: refused by %s: %v", v.About, bundle.LayerOf(err), err)
			case v.Layer != "" && (bundle.LayerOf(err) != v.Layer || fault.ClassOf(err).String() != v.Class):
				t.Errorf("%s: want %s, %s\n got %s, %s: %v", v.About, v.Layer, v.Class, bundle.LayerOf(err), fault.ClassOf(err), err)
			}
		})
	}
	if good < 10 {
		t.Errorf("only %d good vectors", good)
	}
}

// TestVectorFiles: every file is listed, and every layer has a vector.
func TestVectorFiles(t *testing.T) {
	listed, layers := map[string]bool{"vectors.json": true, "deltas": true}, map[bundle.Layer]int{}
	for _, v := range readVectors(t) {
		listed[v.File] = true
		layers[v.Layer]++
		for _, name := range v.Detached {
			listed[strings.Split(name, "/")[0]] = true
		}
	}
	entries, err := os.ReadDir(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !listed[e.Name()] {
			t.Errorf("%s is not listed in vectors.json", e.Name())
		}
	}
	for _, l := range []bundle.Layer{bundle.LayerOuter, bundle.LayerSignature, bundle.LayerSums, bundle.LayerDigest, bundle.LayerManifest, bundle.LayerPieces, bundle.LayerDecrypt,
		bundle.LayerXZ, bundle.LayerTar, bundle.LayerTools, bundle.LayerLevels, bundle.LayerPayload} {
		if layers[l] == 0 {
			t.Errorf("no vector for the layer %s", l)
		}
	}
}
