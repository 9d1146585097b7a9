package probe

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"packlift/internal/version"
)

func tool(t *testing.T, flags string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "tool.exe")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w "+flags, "-o", out, "./testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building a tool: %v\n%s", err, b)
	}
	return out
}

func TestRealTool(t *testing.T) {
	t.Setenv("PACKLIFT_TEST_SECRET", "secret")
	name := tool(t, "-X 'main.marker=packlift-tool-version:1.7.3;'")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if goos, arch, err := Platform(f); err != nil || goos != runtime.GOOS || arch != runtime.GOARCH {
		t.Errorf("platform is %s/%s, %v", goos, arch, err)
	}
	if v, err := Marker(f); err != nil || v != "1.7.3" {
		t.Errorf("marker is %q, %v", v, err)
	}
	said, err := Run(context.Background(), name)
	if err != nil || said != (version.Info{Version: "1.7.3", OS: runtime.GOOS, Arch: runtime.GOARCH}) {
		t.Errorf("it says %+v, %v", said, err)
	}
	if out, err := once(context.Background(), name); err != nil || bytes.Contains(out, []byte("secret")) {
		t.Errorf("the caller's environment reaches it: %s, %v", out, err)
	}
}

func TestMarker(t *testing.T) {
	fill := strings.Repeat("x", 1<<20-20) // the marker stands across two windows
	for text, want := range map[string]string{
		"": "", "packlift-tool-version:": "", "packlift-tool-version:1.2;": "", "packlift-tool-version:1.2.3": "",
		"a packlift-tool-version:1.2.3; b":                                     "1.2.3",
		"packlift-tool-version:1.2.3-rc.1;":                                    "1.2.3-rc.1",
		"packlift-tool-version:;packlift-tool-version:1.2.3;":                  "1.2.3",
		"packlift-tool-version:1.2.3; packlift-tool-version:1.2.3;":            "1.2.3",
		"packlift-tool-version:1.2.3; packlift-tool-version:1.2.4;":            "",
		fill + "packlift-tool-version:1.2.3;" + fill:                           "1.2.3",
		"packlift-tool-version:1.2.3;" + fill + "packlift-tool-version:1.4.0;": "",
	} {
		for _, r := range []*bytes.Reader{bytes.NewReader([]byte(text))} {
			if got, err := Marker(iotest.HalfReader(r)); got != want || (err == nil) != (want != "") {
				t.Errorf("%.60q gives %q, %v; want %q", text, got, err, want)
			}
		}
	}
	if _, err := Marker(strings.NewReader("nothing")); !errors.Is(err, ErrNoMarker) {
		t.Errorf("no marker gives %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, c := range map[string]struct{ flags, want string }{
		"fails":      {"-X main.does=fail", "this tool does not work"},
		"no version": {"-X main.says=new -X 'main.marker=packlift-tool-version:1.0.0;'", "it says no version"},
		"only chats": {"-X main.does=chatter", "it does not"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Run(context.Background(), tool(t, c.flags)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := Run(context.Background(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file runs")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, tool(t, "-X main.does=hang")); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v", err)
	}
}
