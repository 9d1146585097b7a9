package export

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/verify"
)

// publishBase is a folder with key, the trees old and new, and a depot that holds old as level 0.
func publishBase(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	secret, _, err := keys.GenerateSigner("vendor")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/key", string(secret), 0o600)
	write(t, dir+"/old/a.txt", "old\n", 0o644)
	write(t, dir+"/old/data", pseudo(9000), 0o644)
	write(t, dir+"/old/empty", "", 0o644)
	write(t, dir+"/new/a.txt", "new\n", 0o644)
	write(t, dir+"/new/data", pseudo(9000)+"x", 0o644)
	publishTree(t, dir, "old", 0)
	return dir
}

// pseudo is text that does not compress.
func pseudo(n int) string {
	var b strings.Builder
	x := uint32(1)
	for range n {
		x = x*1664525 + 1013904223
		b.WriteByte(byte(x >> 24))
	}
	return b.String()
}

func publishSigner(t *testing.T, dir string) keys.Signer {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.LoadSigner("vendor", secret, keys.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publishOptions(t *testing.T, dir, tree string, level int) PublishOptions {
	t.Helper()
	return PublishOptions{Tree: filepath.Join(dir, tree), Depot: filepath.Join(dir, "depot"), Product: "demo", Version: "1.0.0", Level: level,
		Summary: "text", Signers: []keys.Signer{publishSigner(t, dir)}}
}

func publishTree(t *testing.T, dir, tree string, level int) *Published {
	t.Helper()
	made, err := Publish(context.Background(), publishOptions(t, dir, tree, level))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func viewOf(t *testing.T, dir string) *depot.View {
	t.Helper()
	src, err := fetch.Open(filepath.Join(dir, "depot"), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := depot.Open(context.Background(), depot.Options{Source: src, Product: "demo", Version: "1.0.0", Trust: trustOf(t, publishSigner(t, dir))})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wholeDepot wants every file to be as the index says, and gives the number of levels.
func wholeDepot(t *testing.T, what, dir string) int {
	t.Helper()
	v := viewOf(t, dir)
	out, err := v.Check(context.Background(), 2, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Faults {
		t.Errorf("%s: %s: %s", what, f.Name, f.Reason)
	}
	return len(v.Index.Levels)
}

// prunedWhole prunes, and wants a whole depot in which a second prune finds nothing.
func prunedWhole(t *testing.T, what, dir string) {
	t.Helper()
	for i := range 2 {
		s, err := depot.OpenStore(context.Background(), filepath.Join(dir, "depot"), "demo", "1.0.0", 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Prune(context.Background(), viewOf(t, dir), false)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && len(out.Files) > 0 {
			t.Errorf("%s: after a prune there still was %v", what, out.Files)
		}
	}
	wholeDepot(t, what, dir)
	filepath.WalkDir(filepath.Join(dir, "depot"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".packlift-") {
			t.Errorf("%s: %s is left", what, name)
		}
		return err
	})
}

func TestPublish(t *testing.T) {
	dir := publishBase(t)
	made := publishTree(t, dir, "new", 1)
	if made.Serial != 2 || made.Contents != 2 || made.Deltas == 0 {
		t.Errorf("published %+v", made)
	}
	if n := wholeDepot(t, "published", dir); n != 2 {
		t.Errorf("%d levels", n)
	}
	write(t, filepath.Join(made.Depot, "blob", "00", "left"), "by nobody", 0o644)
	prunedWhole(t, "published", dir)
	for name, change := range map[string]func(b []byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(b, 0) },
	} {
		damaged(t, name, dir, change)
	}
}

// damaged changes each file of a depot in turn: the check names it, or the index is refused.
func damaged(t *testing.T, name, dir string, change func([]byte) []byte) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(filepath.Join(dir, "depot"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		good, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		old := strings.Contains(file, "/signatures/") && !strings.Contains(file, viewOf(t, dir).Digest.String())
		write(t, file, string(change(bytes.Clone(good))), 0o644)
		if !old && !noticed(t, dir) {
			t.Errorf("%s: nobody sees it in %s", name, file)
		}
		seen++
		return os.WriteFile(file, good, 0o644)
	})
	if err != nil || seen < 10 {
		t.Fatalf("%d files: %v", seen, err)
	}
}

func noticed(t *testing.T, dir string) bool {
	t.Helper()
	src, err := fetch.Open(filepath.Join(dir, "depot"), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := depot.Open(context.Background(), depot.Options{Source: src, Product: "demo", Version: "1.0.0", Trust: trustOf(t, publishSigner(t, dir))})
	if err != nil {
		class := fault.ClassOf(err)
		return class == fault.Untrusted || class == fault.Tampered
	}
	out, err := v.Check(context.Background(), 1, func(int64, int64) {})
	return err == nil && len(out.Faults) > 0
}

// Of two publishers at once one waits, or is refused.
func TestTwoPublishers(t *testing.T) {
	dir := publishBase(t)
	s, err := depot.OpenStore(context.Background(), filepath.Join(dir, "depot"), "demo", "1.0.0", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(context.Background(), publishOptions(t, dir, "new", 1)); fault.ClassOf(err) != fault.Locked {
		t.Errorf("while another one holds the lock: %v", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		o := publishOptions(t, dir, "new", 1)
		o.LockTimeout = time.Minute
		if _, err := Publish(context.Background(), o); err != nil {
			t.Errorf("who waits: %v", err)
		}
	})
	time.Sleep(100 * time.Millisecond)
	s.Close()
	wait.Wait()
	if n := wholeDepot(t, "after two", dir); n != 2 {
		t.Errorf("%d levels", n)
	}
}

// A bundle from a depot takes a site where one from the trees does.
func TestCreateFromDepot(t *testing.T) {
	dir := publishBase(t)
	publishTree(t, dir, "new", 1)
	o, id := options(t)
	o.From, o.To, o.View, o.Start, o.End = "", "", viewOf(t, dir), 0, 0
	made := create(t, o)
	if made.Info.Start != 0 || made.Info.End != 1 || made.Info.TargetManifest != levelDigest(t, viewOf(t, dir), 1) {
		t.Errorf("made %+v", made.Info)
	}
	b := openBundle(t, made.Path, trustOf(t, o.Signers...))
	got := payload(t, b, id, "old\n", pseudo(9000))
	for _, want := range []string{"new\n", pseudo(9000) + "x"} {
		if got[manifest.Sum([]byte(want))] != want {
			t.Errorf("the payload does not hold %.10q", want)
		}
	}
}

func levelDigest(t *testing.T, v *depot.View, level int) manifest.Digest {
	t.Helper()
	l, ok := v.Index.Find(level)
	if !ok {
		t.Fatalf("no level %d", level)
	}
	return l.Manifest.Plain.SHA256
}

// A trust set without a rule for depots passes none.
func TestDepotNeedsItsRule(t *testing.T) {
	dir := publishBase(t)
	files := trustOf(t, publishSigner(t, dir)).Files()
	files[verify.PolicyFile] = []byte(`{"roles":{},"namespaces":{"packlift-bundle@v1":{"any":1}}}`)
	set, err := verify.ParseTrustSet(memoryFS(files))
	if err != nil {
		t.Fatal(err)
	}
	src, err := fetch.Open(filepath.Join(dir, "depot"), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = depot.Open(context.Background(), depot.Options{Source: src, Product: "demo", Version: "1.0.0", Trust: set})
	if fault.ClassOf(err) != fault.Untrusted || !strings.Contains(fault.HintOf(err), verify.NamespaceDepot) {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}
