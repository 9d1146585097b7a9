package export

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/sigfiles"
	"packlift/verify"
)

// needsBoth is a trust set in which both must sign bundles.
func needsBoth(t *testing.T, a, b keys.Signer) *verify.TrustSet {
	t.Helper()
	files, err := verify.NewTrustSet(verify.NewTrust{
		Signers: []verify.NewSigner{{Name: "a", Key: publicKey(a)}, {Name: "b", Key: publicKey(b)}},
		Policy:  map[string]map[string]int{verify.NamespaceBundle: {"any": 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	set, err := verify.ParseTrustSet(memoryFS(files))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func accepts(t *testing.T, path string, trust *verify.TrustSet) error {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	sigs, err := sigfiles.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = verify.Open(context.Background(), f, info.Size(), verify.Options{Trust: trust, Detached: sigs, Now: day})
	return err
}

func TestCountersign(t *testing.T) {
	t.Parallel()
	for _, embed := range []bool{false, true} {
		o, _ := options(t)
		made := create(t, o)
		site := signer(t, "site")
		trust := needsBoth(t, o.Signers[0], site)
		if err := accepts(t, made.Path, trust); fault.ClassOf(err) != fault.Untrusted {
			t.Fatalf("before: %v", err)
		}
		so := SignOptions{Bundle: made.Path, Signers: []keys.Signer{site}, Embed: embed}
		written, err := Sign(context.Background(), so)
		if err != nil {
			t.Fatal(err)
		}
		if err := accepts(t, made.Path, trust); err != nil {
			t.Errorf("embed %v: %v", embed, err)
		}
		want := filepath.Join(made.Path+".sigs", "01.sig")
		if embed {
			want = made.Path
		}
		if !slices.Equal(written, []string{want}) {
			t.Errorf("written is %q", written)
		}
		if _, err := Sign(context.Background(), so); fault.ClassOf(err) != fault.Usage {
			t.Errorf("the same key twice: %v", err)
		}
		so.Signers, so.Embed = o.Signers, !embed
		if _, err := Sign(context.Background(), so); fault.ClassOf(err) != fault.Usage {
			t.Errorf("the first signer again: %v", err)
		}
		checkSidecar(t, made.Path)
	}
}

func checkSidecar(t *testing.T, path string) {
	t.Helper()
	o, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	info, _ := o.Stat()
	sum, err := digestOf(context.Background(), o, info.Size(), discard{})
	if err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, path+sumSuffix); got != string(sumLine(sum, filepath.Base(path))) {
		t.Errorf("sidecar says %q", got)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestDamagedBundleIsNotSigned(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	made := create(t, o)
	b := []byte(readFile(t, made.Path))
	b[len(b)/2] ^= 1
	write(t, made.Path, string(b), 0o644)
	if _, err := Sign(context.Background(), SignOptions{Bundle: made.Path, Signers: []keys.Signer{signer(t, "site")}}); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("error is %v", err)
	}
	if list, _ := sigfiles.Names(made.Path); len(list) > 0 {
		t.Errorf("signatures are there: %q", list)
	}
}

func TestNeverMoreThanTheMost(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	made := create(t, o)
	var many []keys.Signer
	for range 32 {
		s := signer(t, "s")
		s.Name = string(rune('a'+len(many)%26)) + string(rune('a'+len(many)/26))
		many = append(many, s)
	}
	if _, err := Sign(context.Background(), SignOptions{Bundle: made.Path, Signers: many}); fault.ClassOf(err) != fault.Usage {
		t.Errorf("33 signatures: %v", err)
	}
	if _, err := Sign(context.Background(), SignOptions{Bundle: made.Path, Signers: many[:31], Embed: true}); err != nil {
		t.Errorf("32 signatures: %v", err)
	}
}

func TestTrustNew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "trust")
	n := verify.NewTrust{Signers: []verify.NewSigner{{Name: "vendor", Key: publicKey(signer(t, "vendor"))}}}
	made, err := TrustNew(dir, n)
	if err != nil {
		t.Fatal(err)
	}
	print := made.Fingerprint()
	set, err := verify.ParseTrustSet(os.DirFS(dir))
	if err != nil || set.Fingerprint() != print {
		t.Errorf("the set read back is %v, %v; want %s", set.Fingerprint(), err, print)
	}
	if _, err := TrustNew(dir, n); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a second one over it: %v", err)
	}
}
