package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const script = "../../docs/verify-with-stock-tools.sh"

// stock runs the script of the stock tools.
func stock(t *testing.T, args ...string) result {
	t.Helper()
	abs, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, t.TempDir(), "sh", append([]string{abs}, args...)...)
}

func needStock(t *testing.T) {
	t.Helper()
	needTools(t, "sh", "tar", "ssh-keygen", "sha256sum", "age", "xz", "awk", "sed", "grep")
}

// TestStockTools wants the script to find a good bundle good, and to open it.
func TestStockTools(t *testing.T) {
	needStock(t)
	s, bundle, _, to := sharedSite(t)
	if r := stock(t, bundle, s.trust); r.code != 0 || !strings.Contains(r.out, "2 of 2 vendor") || !strings.Contains(r.out, "not checked") {
		t.Fatalf("without an identity: exit code %d\n%s", r.code, r.out)
	}
	out := filepath.Join(t.TempDir(), "out")
	r := stock(t, bundle, s.trust, s.identity, out)
	if r.code != 0 || strings.Contains(r.out, "FAILED") {
		t.Fatalf("exit code %d\n%s", r.code, r.out)
	}
	blobs, err := filepath.Glob(filepath.Join(out, "payload", "blob", "*"))
	if err != nil || len(blobs) != 5 {
		t.Errorf("%d blobs extracted, want 5: run.sh and a.conf with their originals, and the text that stands twice (%v)", len(blobs), err)
	}
	want, err := os.ReadFile(filepath.Join(to, "lib", "new.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !anyHolds(t, blobs, string(want)) {
		t.Error("no blob is lib/new.txt")
	}
}

func anyHolds(t *testing.T, files []string, text string) bool {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(data) == text {
			return true
		}
	}
	return false
}

// TestStockToolsRefuse changes a bundle in many ways: the script and packlift refuse each.
func TestStockToolsRefuse(t *testing.T) {
	needStock(t)
	s, bundle, from, to := sharedSite(t)
	good := readMembers(t, bundle)
	other := readMembers(t, s.update("demo-1.0.1", from, to))
	file := filepath.Join(t.TempDir(), "copy.packlift")
	writeMembers(t, file, clone(good))
	if r := stock(t, file, s.trust); r.code != 0 {
		t.Fatalf("an unchanged copy is refused:\n%s", r.out)
	}
	s.want(0, "packlift-import", "verify", "--trust", s.trust, file)
	for _, c := range tamperings(good) {
		t.Run(c.name, func(t *testing.T) {
			writeMembers(t, file, c.change(clone(good), other))
			s.refusedByAll(t, file, s.trust)
		})
	}
	whole, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"truncated": whole[:len(whole)-700], "bytes behind the end": append(whole, make([]byte, 512)...)} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			s.refusedByAll(t, file, s.trust)
		})
	}
}

// refusedByAll wants a clear refusal from the script and from both binaries.
func (s *site) refusedByAll(t *testing.T, file, trust string) {
	t.Helper()
	if r := stock(t, file, trust); r.code != 1 || !strings.Contains(r.out, "FAILED") {
		t.Errorf("stock tools: exit code %d, want 1\n%s", r.code, r.out)
	}
	for _, name := range []string{"packlift-import", "packlift-export"} {
		if r := run(t, s.dir, tool(t, name), "verify", "--trust", trust, file); r.code != 10 && r.code != 11 {
			t.Errorf("%s verify: exit code %d, want 10 or 11\n%s", name, r.code, r.out)
		}
	}
}

// TestStockToolsTrust changes the trust set: a good bundle is refused.
func TestStockToolsTrust(t *testing.T) {
	needStock(t)
	s, bundle, _, _ := sharedSite(t)
	public, err := os.ReadFile(s.key("bob") + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(dir string)
	}{
		{"revoked", func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "revoked_keys"), public, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"expired before the bundle was made", func(dir string) {
			replaceLine(t, filepath.Join(dir, "allowed_signers"), "bob ", `bob valid-before="20200101Z" `)
		}},
		{"not allowed for bundles", func(dir string) {
			replaceLine(t, filepath.Join(dir, "allowed_signers"), "bob ", `bob namespaces="packlift-tool@v1" `)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust := filepath.Join(t.TempDir(), "trust")
			if err := os.CopyFS(trust, os.DirFS(s.trust)); err != nil {
				t.Fatal(err)
			}
			c.change(trust)
			s.refusedByAll(t, bundle, trust)
		})
	}
}

// TestToolByHand takes the importer out of a bundle with stock tools, as the
// README shows for a tool that knows no apply-update, and runs it.
func TestToolByHand(t *testing.T) {
	needStock(t)
	s, bundle, from, to := sharedSite(t)
	pack := filepath.Join(t.TempDir(), "pack")
	if err := os.CopyFS(pack, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	r := run(t, t.TempDir(), "sh", "-euc", `
name=packlift-import_`+platform()+`
tar -xOf "$1" tools.tar.xz.age | age -d -i "$2" | xz -d | tar -xf - "$name" "$name.statement"
grep -q "\"sha256\":\"$(sha256sum "$name" | cut -c1-64)\"" "$name.statement"
cp "$name" "$3/bin/packlift-import.new" && chmod 755 "$3/bin/packlift-import.new"
mv "$3/bin/packlift-import.new" "$3/bin/packlift-import`+exe()+`"
`, "sh", bundle, s.identity, pack)
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.out)
	}
	importer := filepath.Join(pack, "bin", "packlift-import"+exe())
	s.want(0, importer, "init", "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes", "--pack", pack)
	s.want(0, importer, "apply-update", bundle, "-i", s.identity)
	equalTrees(t, pack, to)
}

// TestStockToolsFull opens a bundle that carries a whole product, and brings it to a new site.
func TestStockToolsFull(t *testing.T) {
	needStock(t)
	s, _, _, to := sharedSite(t)
	file := filepath.Join(t.TempDir(), "full.packlift")
	s.want(0, "packlift-export", "create-update", "--to", to, "--product", "demo-1.0.0", "-e", "10", "-r", s.recipient,
		"--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", s.tools, "-o", file)
	if r := stock(t, file, s.trust, s.identity); r.code != 0 || strings.Contains(r.out, "FAILED") || !strings.Contains(r.out, " full, ") {
		t.Fatalf("exit code %d\n%s", r.code, r.out)
	}
	pack := filepath.Join(t.TempDir(), "pack")
	if err := os.Mkdir(pack, 0o755); err != nil {
		t.Fatal(err)
	}
	s.want(0, "packlift-import", "init", "--empty", "--pack", pack, "--product", "demo-1.0.0", "--trust", s.trust, "--yes")
	s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, file)
	equalTrees(t, pack, to)
}

// A bundle with levels between is read by stock tools, and so is a hotfix.
func TestStockToolsBetween(t *testing.T) {
	needStock(t)
	s, _, from, to := sharedSite(t)
	between := filepath.Join(t.TempDir(), "between")
	if err := os.CopyFS(between, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(between, "between.txt"), []byte("between\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	keys := []string{"-r", s.recipient, "--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", s.tools, "-o"}
	file := filepath.Join(t.TempDir(), "between.packlift")
	s.want(0, "packlift-export", append(append([]string{"create-update", "--from", from, "--between", "5=" + between, "--to", to, "--product", "demo-1.0.0", "-s", "3", "-e", "10"}, keys...), file)...)
	if r := stock(t, file, s.trust, s.identity); r.code != 0 || strings.Contains(r.out, "FAILED") || !strings.Contains(r.out, "difference/0003-0005.json") {
		t.Errorf("levels between: exit code %d\n%s", r.code, r.out)
	}
	file = filepath.Join(t.TempDir(), "hotfix.packlift")
	s.want(0, "packlift-export", append(append([]string{"create-hotfix", "--from", from, "--to", between, "--product", "demo-1.0.0", "--level", "3", "--hotfix", "1"}, keys...), file)...)
	if r := stock(t, file, s.trust, s.identity); r.code != 0 || strings.Contains(r.out, "FAILED") {
		t.Errorf("a hotfix: exit code %d\n%s", r.code, r.out)
	}
}
