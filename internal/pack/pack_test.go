package pack

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

func options() InitOptions {
	return InitOptions{Product: "wso2am", Version: "4.2.0", Level: 3, Trust: map[string][]byte{"allowed_signers": []byte("vendor ssh-ed25519 AAAA\n"), "policy.json": []byte("{}\n")}}
}

func newPack(t *testing.T) (*Pack, string) {
	t.Helper()
	dir := t.TempDir()
	p, err := Init(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantClass(t *testing.T, what string, err error, class fault.Class) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != class {
		t.Errorf("%s: %v (class %s), want class %s", what, err, fault.ClassOf(err), class)
	}
}

func TestInit(t *testing.T) {
	p, dir := newPack(t)
	if name, version := p.Product(); name != "wso2am" || version != "4.2.0" {
		t.Errorf("%s %s", name, version)
	}
	s, err := p.State()
	if err != nil || s.Level != 3 || s.Sequence != (Sequence{Level: 3}) || !s.Manifest.IsZero() || s.FloorSeen || len(s.History) != 1 || s.History[0].Kind != "init" {
		t.Errorf("%+v, %v", s, err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "updates/product.txt")); string(b) != "wso2am-4.2.0\n" {
		t.Errorf("%q", b)
	}
	if info, err := os.Stat(filepath.Join(dir, "updates/packlift")); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o700) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	view, n, err := p.TrustFS()
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if b, err := fs.ReadFile(view, "policy.json"); string(b) != "{}\n" {
		t.Errorf("%q, %v", b, err)
	}
	if r, err := p.CheckAudit(); err != nil || !r.OK() || r.Records != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = Init(dir, options())
	wantClass(t, "second init", err, fault.Usage)
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestInitRefuses(t *testing.T) {
	tests := map[string]struct {
		class   fault.Class
		prepare func(dir string, o *InitOptions)
	}{
		"bad product":     {fault.Usage, func(_ string, o *InitOptions) { o.Product = "a b" }},
		"bad level":       {fault.Usage, func(_ string, o *InitOptions) { o.Level = -1 }},
		"level too high":  {fault.Usage, func(_ string, o *InitOptions) { o.Level = 10000 }},
		"no trust":        {fault.Usage, func(_ string, o *InitOptions) { o.Trust = nil }},
		"trust climbs":    {fault.Usage, func(_ string, o *InitOptions) { o.Trust = map[string][]byte{"../x": nil} }},
		"trust too large": {fault.Usage, func(_ string, o *InitOptions) { o.Trust = map[string][]byte{"x": make([]byte, maxTrustFile+1)} }},
		"other product":   {fault.WrongProduct, func(dir string, _ *InitOptions) { write(t, dir, ProductFile, "wso2is-5.11.0") }},
		"other version":   {fault.WrongProduct, func(dir string, _ *InitOptions) { write(t, dir, ProductFile, "wso2am-4.2.1\n") }},
		"junk product":    {fault.General, func(dir string, _ *InitOptions) { write(t, dir, ProductFile, "?") }},
		"huge product":    {fault.General, func(dir string, _ *InitOptions) { write(t, dir, ProductFile, strings.Repeat("a", 1000)) }},
		"lost its state":  {fault.General, func(dir string, _ *InitOptions) { write(t, dir, FloorFile, "{}") }},
		"not empty":       {fault.Usage, func(dir string, o *InitOptions) { o.Empty = true; write(t, dir, "lib/x", "") }},
		"tools and more":  {fault.Usage, func(dir string, o *InitOptions) { o.Empty = true; write(t, dir, "bin/run.sh", "") }},
		"no folder":       {fault.Usage, func(dir string, _ *InitOptions) { os.Remove(dir) }},
	}
	for name, test := range tests {
		dir := filepath.Join(t.TempDir(), "pack")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		o := options()
		test.prepare(dir, &o)
		_, err := Init(dir, o)
		wantClass(t, name, err, test.class)
		if _, err := os.Lstat(filepath.Join(dir, StateFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there is a state", name)
		}
	}
}

func TestInitAgreesWithProductFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ProductFile, "wso2am-4.2.0")
	p, err := Init(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if b, _ := os.ReadFile(filepath.Join(dir, ProductFile)); string(b) != "wso2am-4.2.0" {
		t.Errorf("rewritten as %q", b)
	}
}

func TestInitEmpty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "site")
	write(t, dir, "bin/packlift-import", "tool")
	o := options()
	o.Empty, o.Level = true, 7
	p, err := Init(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if s, err := p.State(); err != nil || s.Level != NoLevel || LevelName(s.Level) != "none" || s.Sequence != (Sequence{}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestInitAfterAKilledInit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ProductFile, "wso2am-4.2.0\n")
	write(t, dir, TrustDir+"/1/allowed_signers", "half")
	write(t, dir, TrustDir+"/1/stale", "x")
	write(t, dir, Dir+"/"+rootfs.TempPrefix+"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "x")
	write(t, dir, AuditFile, `{"seq":1,"ti`)
	_, err := Open(dir)
	wantClass(t, "opened", err, fault.Usage)
	p, err := Init(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	view, _, err := p.TrustFS()
	if err != nil {
		t.Fatal(err)
	}
	if list, err := fs.ReadDir(view, "."); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if r, err := p.CheckAudit(); err != nil || !r.OK() || len(r.Mended) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if there, _ := p.root.Exists(Dir + "/" + rootfs.TempPrefix + "abc"); there {
		t.Error("the temporary file is still there")
	}
}

func TestInitIsNotLedAway(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "updates")); err != nil {
		t.Skip("no links here:", err)
	}
	if _, err := Init(dir, options()); err == nil {
		t.Error("made a pack through a link")
	}
	if list, _ := os.ReadDir(outside); len(list) != 0 {
		t.Errorf("wrote outside: %v", list)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no folder":  os.RemoveAll,
		"no updates": func(dir string) error { return os.RemoveAll(filepath.Join(dir, Updates)) },
		"no state":   func(dir string) error { return os.Remove(filepath.Join(dir, StateFile)) },
		"no product": func(dir string) error { return os.Remove(filepath.Join(dir, ProductFile)) },
	} {
		p, dir := newPack(t)
		p.Close()
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir)
		want := fault.Usage
		if name == "no product" { // a pack it is: it has lost something
			want = fault.General
		}
		wantClass(t, name, err, want)
		if fault.HintOf(err) == "" {
			t.Errorf("%s: no hint", name)
		}
	}
}

func TestOpenRefusesLinkedFolders(t *testing.T) {
	p, dir := newPack(t)
	p.Close()
	if err := errors.Join(os.Rename(filepath.Join(dir, Dir), filepath.Join(dir, "elsewhere")), os.Symlink("../elsewhere", filepath.Join(dir, Dir))); err != nil {
		t.Skip("no links here:", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("%v", err)
	}
}

func TestFind(t *testing.T) {
	_, dir := newPack(t)
	write(t, dir, "bin/packlift-import", "")
	other := t.TempDir()
	write(t, other, "bin/packlift-import", "")
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	for exe, want := range map[string]string{
		filepath.Join(dir, "bin/packlift-import"):   real,
		filepath.Join(other, "bin/packlift-import"): other,
		filepath.Join(dir, "packlift-import"):       other,
		"":                                          other,
	} {
		if got, err := Find(exe, other); err != nil || got != want {
			t.Errorf("%s: %s, %v", exe, got, err)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	p, dir := newPack(t)
	s, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	s.Level, s.Hotfixes, s.Manifest, s.Generation = 10, []int{1, 2}, manifest.Sum([]byte("m")), 4
	for range MaxHistory + 5 {
		s.History = append(s.History, Event{Time: time.Now(), Kind: "update", From: 3, To: 10, Bundle: strings.Repeat("ab", 16), Generation: 4, Manifest: s.Manifest})
	}
	if err := p.SaveState(s); err != nil {
		t.Fatal(err)
	}
	got, err := p.State()
	if err != nil || got.Level != 10 || len(got.Hotfixes) != 2 || got.Manifest != s.Manifest || len(got.History) != MaxHistory {
		t.Errorf("%d events, %v", len(got.History), err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, StateFile)); !bytes.Equal(b, MarshalState(s)) {
		t.Error("the file is not what MarshalState gives")
	}
	s.Level = 12345
	if p.SaveState(s) == nil {
		t.Error("a state out of range is saved")
	}
}

func TestHostileState(t *testing.T) {
	p, dir := newPack(t)
	clean, err := os.ReadFile(filepath.Join(dir, StateFile))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"empty":          "",
		"not JSON":       "hello",
		"null":           "null",
		"newer":          strings.Replace(string(clean), `"format": 1`, `"format": 2`, 1),
		"unknown field":  strings.Replace(string(clean), `"format": 1`, `"format": 1, "x": 2`, 1),
		"field twice":    strings.Replace(string(clean), `"level": 3`, `"level": 9, "level": 3`, 1),
		"field in case":  strings.Replace(string(clean), `"level": 3`, `"LEVEL": 3`, 1),
		"level range":    strings.Replace(string(clean), `"level": 3`, `"level": 70000`, 1),
		"generation":     strings.Replace(string(clean), `"generation": 0`, `"generation": -1`, 1),
		"escape in kind": strings.Replace(string(clean), `"kind": "init"`, `"kind": "\u001b[2J"`, 1),
		"other product":  strings.Replace(string(clean), `"wso2am"`, `"wso2is"`, 1),
		"followed":       string(clean) + "{}",
		"cut":            string(clean[:len(clean)/2]),
		"huge":           string(clean) + strings.Repeat(" ", maxState),
		"deep":           strings.Repeat("[", 100_000),
	}
	for name, text := range tests {
		if text == string(clean) {
			t.Fatalf("%s changes nothing", name)
		}
		write(t, dir, StateFile, text)
		if s, err := p.State(); err == nil || len(err.Error()) > 1000 || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: %+v, %.300v", name, s, err)
		} else if !strings.Contains(err.Error(), "state.json") {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	p, dir := newPack(t)
	if c, err := p.Config(); err != nil || c != (Config{}) {
		t.Errorf("%+v, %v", c, err)
	}
	want := Config{BackupDir: t.TempDir(), Channel: "security"}
	if err := p.SaveConfig(want); err != nil {
		t.Fatal(err)
	}
	if c, err := p.Config(); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	if p.SaveConfig(Config{BackupDir: "relative"}) == nil || p.SaveConfig(Config{Channel: "a\nb"}) == nil {
		t.Error("a bad config is saved")
	}
	for _, text := range []string{"", "{}", `{"format":2}`, `{"format":1,"x":1}`, `{"format":1} x`, `{"format":1,"backup_dir":"rel"}`, `{"format":1,"channel":"\u0000"}`, strings.Repeat(" ", maxConfig+1)} {
		write(t, dir, ConfigFile, text)
		if c, err := p.Config(); err == nil || !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%.40q: %+v, %v", text, c, err)
		}
	}
}

func TestFloor(t *testing.T) {
	p, dir := newPack(t)
	if _, ok, err := p.Floor(); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	for _, step := range []struct{ raise, want Sequence }{
		{Sequence{Epoch: 0, Level: 10, Hotfix: 0}, Sequence{Epoch: 0, Level: 10, Hotfix: 0}}, {Sequence{Epoch: 0, Level: 5, Hotfix: 0}, Sequence{Epoch: 0, Level: 10, Hotfix: 0}}, {Sequence{Epoch: 0, Level: 10, Hotfix: 0}, Sequence{Epoch: 0, Level: 10, Hotfix: 0}}, {Sequence{Epoch: 1, Level: 0, Hotfix: 0}, Sequence{Epoch: 1, Level: 0, Hotfix: 0}},
	} {
		if err := p.RaiseFloor(step.raise); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := p.Floor(); got != step.want || !ok || err != nil {
			t.Errorf("raised by %s: %s, %v, %v", step.raise, got, ok, err)
		}
	}
	if s, err := p.State(); err != nil || !s.FloorSeen {
		t.Errorf("not noted: %+v, %v", s, err)
	}
	for _, text := range []string{"", "{}", `{"format":1,"sequence":{"epoch":-1}}`, `{"format":2,"sequence":{}}`, `{"format":1,"sequence":{"epoc":1}}`} {
		write(t, dir, FloorFile, text)
		if _, _, err := p.Floor(); err == nil || !strings.Contains(err.Error(), "floor.json") && !strings.Contains(err.Error(), "floor:") {
			t.Errorf("%q: %v", text, err)
		}
		if p.RaiseFloor(Sequence{Epoch: 2, Level: 0, Hotfix: 0}) == nil {
			t.Errorf("%q is written over", text)
		}
	}
	if err := os.Remove(filepath.Join(dir, FloorFile)); err != nil {
		t.Fatal(err)
	}
	_, _, err := p.Floor()
	wantClass(t, "floor gone", err, fault.Rollback)
}

func testManifest() *manifest.Manifest {
	return &manifest.Manifest{Product: "wso2am", Version: "4.2.0", Level: 3, Entries: []manifest.Entry{{Path: "a", Type: manifest.File, Mode: 0o644, SHA256: manifest.Sum(nil)}}}
}

func TestManifests(t *testing.T) {
	p, dir := newPack(t)
	m := testManifest()
	d := m.Digest()
	_, err := p.Manifest(d)
	wantClass(t, "missing", err, fault.Differs)
	if want := ManifestName(d) + " from a copy"; !strings.Contains(fault.HintOf(err), want) {
		t.Errorf("the hint %q lacks %q", fault.HintOf(err), want)
	}
	for range 2 {
		if err := p.SaveManifest(m); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := p.Manifest(d); err != nil || got.Digest() != d {
		t.Errorf("%v", err)
	}
	other := testManifest()
	other.Level = 4
	write(t, dir, ManifestName(d), string(other.Marshal())) // valid, but not the one named
	_, err = p.Manifest(d)
	wantClass(t, "swapped", err, fault.Differs)
	if err := p.SaveManifest(m); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Manifest(d); err != nil {
		t.Errorf("not put right: %v", err)
	}
	m.Entries[0].Path = "../a"
	if p.SaveManifest(m) == nil {
		t.Error("a bad manifest is kept")
	}
}

func TestTrustNewest(t *testing.T) {
	p, dir := newPack(t)
	for _, n := range []string{"2", "10", "010", "x", "-3", "99999"} {
		write(t, dir, TrustDir+"/"+n+"/allowed_signers", n)
	}
	write(t, dir, TrustDir+"/11", "a file")
	view, n, err := p.TrustFS()
	if err != nil || n != 10 {
		t.Fatal(n, err)
	}
	if b, err := fs.ReadFile(view, "allowed_signers"); string(b) != "10" {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, TrustDir)); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.TrustFS()
	wantClass(t, "no set", err, fault.Untrusted)
}

func TestLogFile(t *testing.T) {
	p, dir := newPack(t)
	at := time.Date(2026, 11, 21, 23, 54, 38, 0, time.FixedZone("", 7200))
	for range 2 {
		f, err := p.LogFile(at, "apply-update")
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("line\n"))
		f.Close()
	}
	if b, err := os.ReadFile(filepath.Join(dir, "updates/logs/packlift-apply-update-20261121T215438Z.log")); string(b) != "line\nline\n" {
		t.Errorf("%q, %v", b, err)
	}
	logs := filepath.Join(p.Dir(), LogDir)
	if err := errors.Join(os.RemoveAll(logs), os.WriteFile(logs, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.LogFile(at, "apply-update"); err == nil || fault.HintOf(err) != "move updates/logs aside" {
		t.Errorf("a file in the logs' place: %v, %s", err, fault.HintOf(err))
	}
	if _, err := p.LogFile(at, "../x"); err == nil {
		t.Error("climbed")
	}
}

func TestChangelog(t *testing.T) {
	if got := ChangelogName(0, 10); got != "changelog-0000-0010.md" {
		t.Error(got)
	}
	if got := ChangelogName(NoLevel, 10); got != "changelog-0000-0010.md" {
		t.Error(got)
	}
	want := "# Changelog\n\nProduct: wso2am-4.2.0\n\nUpdate level: 0000 -> 0010\n\n## Added Files (2)\n\n- `a`\n- `` b`c ``\n\n## Updated Files (0)\n\n_None_\n\n## Removed Files (1)\n\n- `d`\n"
	if got := string(Changelog("wso2am", "4.2.0", 0, 10, []string{"a", "b`c"}, nil, []string{"d"})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRenderTemplate(t *testing.T) {
	got, err := RenderTemplate("{{len .Added}}: {{.Added}}|{{range .Modified}}<{{.}}>{{end}}|{{.Removed}}", []string{"a", "b"}, []string{"c"}, nil)
	if err != nil || got != "2: a\nb|<c>|" {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"{{", "{{.Other}}", "{{.Added.X}}", strings.Repeat("x", maxTemplate+1)} {
		_, err := RenderTemplate(text, nil, nil, nil)
		wantClass(t, text[:2], err, fault.Usage)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add(MarshalState(State{Product: "p", Version: "1", Level: NoLevel}))
	f.Add(MarshalState(State{Product: "p", Version: "1", Level: 3, Hotfixes: []int{1}, Manifest: manifest.Sum(nil), FloorSeen: true, History: []Event{{Time: time.Unix(1, 0), Kind: "init", From: -1, To: 3}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseState(b)
		if err == nil && !bytes.Equal(MarshalState(s), b) {
			t.Errorf("%q is read and written as %q", b, MarshalState(s))
		}
	})
}
