package export

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/verify"
)

func TestUpdateCarriesWhatChanged(t *testing.T) {
	t.Parallel()
	o, id := options(t)
	made := create(t, o)
	if want := filepath.Join(o.Output, "demo-1.0.0-0003-0010.packlift"); made.Path != want {
		t.Fatalf("path is %s, want %s", made.Path, want)
	}
	b := openBundle(t, made.Path, trustOf(t, o.Signers...))
	l, err := b.Levels([]age.Identity{id})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(`
bin dir 0755 0 
bin/run.sh file 0755 10 
conf dir 0755 0 
conf/a.conf file 0644 9 
lib dir 0755 0 
lib/empty file 0644 0 
lib/link.jar symlink 0000 0 same.jar
lib/mode file 0600 4 
lib/same.jar file 0644 4000 
lib/twice-1.jar file 0644 25000 
lib/twice-2.jar file 0644 25000 `)
	if got := strings.TrimSpace(describeEntries(l.Target.Entries)); got != strings.TrimSpace(want) {
		t.Errorf("target is\n%s\nwant\n%s", got, want)
	}
	var got []string
	for _, content := range payload(t, b, id) {
		got = append(got, content[:min(len(content), 10)])
	}
	slices.Sort(got)
	if want := []string{"", "level=10\n", "level=3\n", "twicetwice"}; !slices.Equal(got, want) {
		t.Errorf("payload holds %q, want %q", got, want)
	}
	for _, line := range []string{"Update level: 0003 -> 0010", "`lib/gone.jar`", "`lib/twice-1.jar`", "`lib/mode`"} {
		if !strings.Contains(string(l.Changelog), line) {
			t.Errorf("changelog lacks %q:\n%s", line, l.Changelog)
		}
	}
	if made.Added != 4 || made.Modified != 2 || made.Removed != 1 || made.Contents != 4 {
		t.Errorf("counts are %d, %d, %d, %d", made.Added, made.Modified, made.Removed, made.Contents)
	}
	if i := b.Info(); i.Kind != bundle.Update || i.Start != 3 || i.End != 10 || i.Sequence != (manifest.Sequence{Level: 10}) || !i.Created.Equal(day) {
		t.Errorf("info is %+v", i)
	}
}

func TestSidecarServesSha256sum(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	made := create(t, o)
	if got, want := names(t, o.Output), []string{"demo-1.0.0-0003-0010.packlift", "demo-1.0.0-0003-0010.packlift.sha256"}; !slices.Equal(got, want) {
		t.Fatalf("the folder holds %q, want %q", got, want)
	}
	cmd := exec.Command("sha256sum", "--strict", "-c", filepath.Base(made.Path)+sumSuffix)
	cmd.Dir = o.Output
	if out, err := cmd.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		t.Skip("no sha256sum here")
	} else if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestFullCarriesEverything(t *testing.T) {
	t.Parallel()
	o, id := options(t)
	o.From, o.Start, o.End = "", 0, 0
	made := create(t, o)
	if filepath.Base(made.Path) != "demo-1.0.0-0000-0000.packlift" {
		t.Errorf("path is %s", made.Path)
	}
	b := openBundle(t, made.Path, trustOf(t, o.Signers...))
	if b.Info().Kind != bundle.Full {
		t.Errorf("kind is %s", b.Info().Kind)
	}
	if got := len(payload(t, b, id)); got != 6 {
		t.Errorf("%d contents travel, want 6", got)
	}
}

func TestJobsAndSourceKindDoNotChangeTheBytes(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Jobs = 1
	first := create(t, o).Info
	o.Jobs = 4
	o.Recipients = append(o.Recipients, identity(t).Recipient())
	second := create(t, o).Info
	o.Recipients = o.Recipients[:1]
	o.To = tarGz(t, o.To)
	third := create(t, o).Info
	for _, name := range bundle.PartNames {
		if part(first, name) != part(second, name) || part(first, name) != part(third, name) {
			t.Errorf("%s differs: %v, %v, %v", name, part(first, name), part(second, name), part(third, name))
		}
	}
}

func TestSourceDateEpoch(t *testing.T) {
	o, _ := options(t)
	o.Created = time.Time{}
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	if got := create(t, o).Info.Created; !got.Equal(time.Unix(86400, 0)) {
		t.Errorf("created is %s", got)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a bad SOURCE_DATE_EPOCH gives %v", err)
	}
}

func TestStdoutGetsTheVerifiedWhole(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	var out bytes.Buffer
	o.Output, o.Stdout = "-", &out
	made := create(t, o)
	if manifest.Sum(out.Bytes()) != made.SHA256 || made.Size != int64(out.Len()) {
		t.Errorf("%d bytes came out, %d were made", out.Len(), made.Size)
	}
	o.Trust = trustOf(t, signer(t, "other"))
	out.Reset()
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Untrusted || out.Len() > 0 {
		t.Errorf("a bundle that the site refuses: %v, %d bytes", err, out.Len())
	}
}

func TestTrustIsAsked(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Trust = trustOf(t, o.Signers...)
	if got := create(t, o).Info.TrustSet; got != o.Trust.Fingerprint() {
		t.Errorf("trust set is %q", got)
	}
	two, err := verify.NewTrustSet(verify.NewTrust{
		Signers: []verify.NewSigner{{Name: "vendor", Key: publicKey(o.Signers[0])}, {Name: "site", Key: publicKey(signer(t, "site"))}},
		Policy:  map[string]map[string]int{verify.NamespaceBundle: {"any": 2}, verify.NamespaceTool: {"any": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.Trust, err = verify.ParseTrustSet(memoryFS(two)); err != nil {
		t.Fatal(err)
	}
	o.Output = t.TempDir()
	_, err = CreateUpdate(context.Background(), o)
	if fault.ClassOf(err) != fault.Untrusted {
		t.Errorf("one signature of two gives %v", err)
	}
	if left := names(t, o.Output); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// changing is a tree whose file changes after the scan.
func TestFileThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{"same size": "level=11\n", "longer": "level=1000\n", "shorter": "l"} {
		t.Run(name, func(t *testing.T) {
			o, _ := options(t)
			file := filepath.Join(o.To, "conf/a.conf")
			o.Progress = func(s Stage, done, _ int64) {
				if s == StageWrite && done == 0 {
					os.WriteFile(file, []byte(change), 0o644)
				}
			}
			_, err := CreateUpdate(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), "a.conf") || !strings.Contains(err.Error(), "changed while it was read") {
				t.Errorf("error is %v", err)
			}
			if left := names(t, o.Output); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestInterruptedLeavesNothingAndKeepsTheOldOne(t *testing.T) {
	t.Parallel()
	for _, stage := range []Stage{StageScan, StageWrite, StageVerify} {
		o, _ := options(t)
		old := filepath.Join(o.Output, "demo-1.0.0-0003-0010.packlift")
		write(t, old, "the older bundle", 0o644)
		write(t, old+sumSuffix, "its sum", 0o644)
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(s Stage, _, _ int64) {
			if s == stage {
				cancel()
			}
		}
		if _, err := CreateUpdate(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error is %v", stage, err)
		}
		if got := names(t, o.Output); len(got) != 2 {
			t.Errorf("%s: the folder holds %q", stage, got)
		}
		if b, _ := os.ReadFile(old); string(b) != "the older bundle" {
			t.Errorf("%s: the older bundle is touched", stage)
		}
	}
}

func TestOlderBundleIsReplaced(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	create(t, o)
	o.End, o.Channel = 10, "security"
	made := create(t, o)
	if b := openBundle(t, made.Path, trustOf(t, o.Signers...)); b.Info().Channel != "security" {
		t.Errorf("channel is %s", b.Info().Channel)
	}
	if got := names(t, o.Output); len(got) != 2 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*CreateOptions){
		"no product":       func(o *CreateOptions) { o.Product = "" },
		"bad product":      func(o *CreateOptions) { o.Product = "../demo" },
		"no recipient":     func(o *CreateOptions) { o.Recipients = nil },
		"no signer":        func(o *CreateOptions) { o.Signers = nil },
		"same signer":      func(o *CreateOptions) { o.Signers = append(o.Signers, o.Signers[0]) },
		"levels":           func(o *CreateOptions) { o.Start = 10 },
		"level too high":   func(o *CreateOptions) { o.End = 10000 },
		"min above itself": func(o *CreateOptions) { o.MinSequence = manifest.Sequence{Level: 11} },
		"no tree":          func(o *CreateOptions) { o.To = "" },
		"missing tree":     func(o *CreateOptions) { o.To += "-not" },
		"unknown archive":  func(o *CreateOptions) { o.To = filepath.Join(o.To, "lib/same.jar") },
		"inside the tree":  func(o *CreateOptions) { o.Output = o.To },
		"missing folder":   func(o *CreateOptions) { o.Output = filepath.Join(o.Output, "no/such/folder/x") },
		"platform":         func(o *CreateOptions) { o.Platforms = []string{"linux"} },
		"absent platform":  func(o *CreateOptions) { o.Platforms = []string{"plan9/386"} },
		"no tools":         func(o *CreateOptions) { o.ToolsDir = o.Output },
		"minimum tool":     func(o *CreateOptions) { o.MinimumTool = "new" },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := options(t)
			change(&o)
			if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Usage {
				t.Errorf("error is %v (%s)", err, fault.ClassOf(err))
			}
		})
	}
}

func TestBestBeforeWarns(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.BestBefore = day.AddDate(0, 0, -1)
	if made := create(t, o); len(made.Warnings) != 1 {
		t.Errorf("warnings are %q", made.Warnings)
	}
}

func TestSeveralSignersAndRecipients(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Signers = append(o.Signers, signer(t, "release"))
	second := identity(t)
	o.Recipients = append(o.Recipients, second.Recipient())
	made := create(t, o)
	b := openBundle(t, made.Path, trustOf(t, o.Signers...))
	if len(b.Signers()) != 2 || b.Info().Recipients != 2 {
		t.Errorf("%d signers, %d recipients", len(b.Signers()), b.Info().Recipients)
	}
	tool, err := b.Tool([]age.Identity{second}, here().os, here().arch)
	if err != nil {
		t.Fatal(err)
	}
	defer tool.Close()
	if tool.Statement.Version != "1.3.0" || len(tool.Signers) != 2 {
		t.Errorf("tool is %+v signed by %d", tool.Statement, len(tool.Signers))
	}
	var bin bytes.Buffer
	if _, err := tool.WriteTo(&bin); err != nil {
		t.Fatal(err)
	}
	if want, _ := os.ReadFile(importer(t, "1.3.0")); !bytes.Equal(bin.Bytes(), want) {
		t.Error("the tool's bytes differ")
	}
}

func publicKey(s keys.Signer) []byte { return marshalKey(s) }
