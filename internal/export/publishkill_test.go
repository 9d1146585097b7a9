//go:build failpoint && unix

package export

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/keys"
)

// The test binary plays the publisher that is to be killed.
func init() {
	dir := os.Getenv("EXPORT_TEST_PUBLISH")
	if dir == "" {
		return
	}
	_, err := publishLevel(dir, "new", 1)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func publishLevel(dir, tree string, level int) (*Published, error) {
	secret, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	s, err := keys.LoadSigner("vendor", secret, keys.SignerOptions{})
	if err != nil {
		return nil, err
	}
	return Publish(context.Background(), PublishOptions{
		Tree: filepath.Join(dir, tree), Depot: filepath.Join(dir, "depot"), Product: "demo", Version: "1.0.0", Level: level,
		Summary: "text", Signers: []keys.Signer{s},
	})
}

func publishAs(dir, spec string) (string, bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "EXPORT_TEST_PUBLISH="+dir, "PACKLIFT_FAILPOINT="+spec)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// TestPublisherAtEachPoint kills a publisher before each of its effects, or has the disk
// full from there on: readers see the old index or the new one, each whole; the level can be
// published by the next one; and after a prune there is nothing but what the index leads to.
func TestPublisherAtEachPoint(t *testing.T) {
	base := publishBase(t)
	count := effectsOfPublish(t, base)
	if count < 30 {
		t.Fatalf("only %d effects", count)
	}
	old, new := 0, 0
	for _, kind := range []string{"kill:%d", "errno:%d+:ENOSPC"} {
		for n := 1; n <= count; n++ {
			what := fmt.Sprintf(kind, n)
			dir := copyOf(t, base)
			publishAs(dir, what)
			levels := wholeDepot(t, what, dir)
			if levels == 1 {
				old++
				if _, err := publishLevel(dir, "new", 1); err != nil {
					t.Fatalf("%s: the next publisher: %v", what, err)
				}
			} else {
				new++
			}
			if wholeDepot(t, what, dir) != 2 {
				t.Errorf("%s: level 1 is not there in the end", what)
			}
			prunedWhole(t, what, dir)
			os.RemoveAll(dir)
		}
	}
	t.Logf("%d effects: %d times the old index, %d times the new one", count, old, new)
	if old == 0 || new == 0 {
		t.Error("it never goes both ways")
	}
}

func effectsOfPublish(t *testing.T, base string) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "count")
	if out, ok := publishAs(copyOf(t, base), "count:"+file); !ok {
		t.Fatal(out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-a", dir, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}
