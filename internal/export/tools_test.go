package export

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/verify"
)

// foreign builds an importer for another platform than this machine's.
func foreign(t *testing.T, p platform) string {
	t.Helper()
	return buildTool(t, p, "1.4.0")
}

func other() platform {
	if here().os == "windows" {
		return platform{"linux", "amd64"}
	}
	return platform{"windows", "amd64"}
}

func suffixed(p platform) string { return bundle.ToolName(p.os, p.arch) }

func TestToolRefusals(t *testing.T) {
	t.Parallel()
	unmarked := importer(t, "", "says=1.3.5")
	liar := importer(t, "1.3.0", "says=1.9.0")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"too old":        {map[string]string{"packlift-import": importer(t, "1.2.0")}, "1.2.0"},
		"wrong place":    {map[string]string{suffixed(other()): importer(t, "1.3.0")}, "is built for"},
		"says other":     {map[string]string{"packlift-import": liar}, "says it is 1.9.0"},
		"fails":          {map[string]string{"packlift-import": importer(t, "1.3.0", "does=fail")}, "does not run"},
		"no executable":  {map[string]string{"packlift-import": "create_test.go"}, "build information"},
		"not there":      {map[string]string{"something-else": unmarked}, "no importer"},
		"other platform": {map[string]string{suffixed(other()): foreign(t, other())}, "no importer for " + here().String()},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := options(t)
			o.ToolsDir = toolsWith(t, c.files)
			if name == "wrong place" {
				o.Platforms = []string{"all"}
			}
			_, err := CreateUpdate(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
			if left := names(t, o.Output); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestUnmarkedToolIsAsked(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.ToolsDir = toolsWith(t, map[string]string{"packlift-import": importer(t, "", "says=1.3.5")})
	if got := create(t, o).Info.Tools; len(got) != 1 || got[0].Version != "1.3.5" {
		t.Errorf("tools are %+v", got)
	}
}

func TestNewestToolAndAllPlatforms(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.ToolsDir = toolsWith(t, map[string]string{
		"packlift-import": importer(t, "1.3.0"), suffixed(here()): importer(t, "1.3.1"), suffixed(other()): foreign(t, other()),
	})
	tools := create(t, o).Info.Tools
	if len(tools) != 1 || tools[0].Version != "1.3.1" {
		t.Errorf("by default the bundle has %+v", tools)
	}
	o.Platforms = []string{"all"}
	if tools = create(t, o).Info.Tools; len(tools) != 2 {
		t.Errorf("with all the bundle has %+v", tools)
	}
	o.Platforms = []string{other().String(), other().String()}
	if tools = create(t, o).Info.Tools; len(tools) != 1 || tools[0].OS != other().os || tools[0].Version != "1.4.0" {
		t.Errorf("with one platform the bundle has %+v", tools)
	}
}

// statementFor writes FILE.statement and FILE.sig beside a tool.
func statementFor(t *testing.T, file, version string, s keys.Signer) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	st := bundle.Statement{Tool: bundle.ToolProduct, OS: here().os, Arch: here().arch, Version: version, Size: int64(len(b)), SHA256: manifest.Sum(b)}
	sig, err := sshsig.Sign(s.Signer, verify.NamespaceTool, st.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	write(t, file+statementSuffix, string(st.Marshal()), 0o644)
	write(t, file+signatureSuffix, string(sig), 0o644)
}

func TestOwnStatementIsKept(t *testing.T) {
	t.Parallel()
	o, id := options(t)
	maker := signer(t, "maker")
	statementFor(t, filepath.Join(o.ToolsDir, "packlift-import"), "1.3.0", maker)
	made := create(t, o)
	b := openBundle(t, made.Path, trustOf(t, o.Signers[0], maker))
	tool, err := b.Tool([]age.Identity{id}, here().os, here().arch)
	if err != nil {
		t.Fatal(err)
	}
	defer tool.Close()
	if len(tool.Signers) != 2 {
		t.Errorf("the tool's signers are %+v", tool.Signers)
	}
}

func TestOwnStatementThatLies(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	file := filepath.Join(o.ToolsDir, "packlift-import")
	statementFor(t, file, "1.9.0", signer(t, "maker"))
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("another version: %v", err)
	}
	statementFor(t, file, "1.3.0", signer(t, "maker"))
	write(t, file+statementSuffix, strings.Replace(readFile(t, file+statementSuffix), "1.3.0", "1.3.1", 1), 0o644)
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("a changed statement: %v", err)
	}
}

func TestToolThatTheSiteRefuses(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	files, err := verify.NewTrustSet(verify.NewTrust{
		Signers: []verify.NewSigner{{Name: "vendor", Key: publicKey(o.Signers[0])}, {Name: "maker", Key: publicKey(signer(t, "maker"))}},
		Roles:   map[string][]string{"vendors": {"vendor"}, "makers": {"maker"}},
		Policy:  map[string]map[string]int{verify.NamespaceBundle: {"vendors": 1}, verify.NamespaceTool: {"makers": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.Trust, err = verify.ParseTrustSet(memoryFS(files)); err != nil {
		t.Fatal(err)
	}
	_, err = CreateUpdate(context.Background(), o)
	if fault.ClassOf(err) != fault.Untrusted || !strings.Contains(err.Error(), "makers: 0 of 1") {
		t.Errorf("error is %v", err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// packWith makes a connected pack whose bin holds files: name → executable.
func packWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir+"/updates/product.txt", "demo-1.0.0\n", 0o644)
	write(t, dir+"/lib/a", "a", 0o644)
	for name, from := range files {
		copyFile(t, from, filepath.Join(dir, "bin", name), 0o755)
	}
	return dir
}

func TestPackNamesProductAndGetsTheNewestTool(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Pack = packWith(t, map[string]string{"packlift-import": importer(t, "1.2.0")})
	o.From, o.To, o.Product, o.Version = "", "", "", ""
	made := create(t, o)
	if made.Info.Product != "demo" || made.Info.Kind != bundle.Full {
		t.Errorf("the bundle is %s of %s", made.Info.Kind, made.Info.Product)
	}
	tool := filepath.Join(o.Pack, "bin/packlift-import")
	if readFile(t, tool) != readFile(t, importer(t, "1.3.0")) || !slices.Equal(made.Placed, []string{tool}) {
		t.Errorf("the pack's tool is not the new one; placed %q", made.Placed)
	}
	if info, _ := os.Stat(tool); info.Mode().Perm() != 0o755 {
		t.Errorf("its mode is %o", info.Mode())
	}
	if got := names(t, filepath.Dir(tool)); len(got) != 1 {
		t.Errorf("bin holds %q", got)
	}
}

func TestPackKeepsANewerTool(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Pack = packWith(t, map[string]string{"packlift-import": importer(t, "1.4.0")})
	made := create(t, o)
	if len(made.Placed) != 0 || readFile(t, filepath.Join(o.Pack, "bin/packlift-import")) != readFile(t, importer(t, "1.4.0")) {
		t.Errorf("placed %q", made.Placed)
	}
}

func TestPackWithoutBinGetsOne(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Pack = packWith(t, nil)
	o.From, o.To = "", o.Pack
	first := create(t, o)
	if len(first.Placed) != 1 {
		t.Errorf("placed %q, warned %q", first.Placed, first.Warnings)
	}
	if second := create(t, o); second.Info.TargetManifest != first.Info.TargetManifest {
		t.Error("the bin that was made for the importer became part of the product")
	}
}

func TestPlatformsOfThePacksBin(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.ToolsDir = toolsWith(t, map[string]string{suffixed(here()): importer(t, "1.3.0"), suffixed(other()): foreign(t, other())})
	o.Pack = packWith(t, map[string]string{"packlift-import": foreign(t, other())})
	tools := create(t, o).Info.Tools
	if len(tools) != 1 || tools[0].OS != other().os {
		t.Errorf("tools are %+v", tools)
	}
}

func TestPackOfAnotherProduct(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Pack = packWith(t, nil)
	o.Product = "other"
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.WrongProduct {
		t.Errorf("error is %v", err)
	}
}
