package pack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var preserveTrees = []string{
	"a.txt", "conf/a.txt", "conf/sub/a.txt", "conf/b.yml", "conf", "conf/sub", "data/x", "data", "deep/data/x", "deep/data", "x.h2.db", "repository/database/x.h2.db",
	"repository/database/sub/x.h2.db", "{a}.txt", "b c.txt", "#x", "!x", "a1.txt", "sub/deep/er/x.log", "sub/x.log", "foo/bar/baz", "logs", "log.d/x",
}

// TestPreserveAgainstGit: what git would ignore is preserved, and nothing else.
func TestPreserveAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	for _, text := range []string{
		"*.txt", "/a.txt", "conf/", "conf/*", "conf/**", "data", "data/", "/data/", "**/data", "**/data/x", "conf/**/a.txt", "repository/database/*.h2.db", "*.h2.db",
		"*\n!a.txt", "conf/*\n!conf/b.yml", "conf/\n!conf/b.yml", "{a}.txt", `b\ c.txt`, "b c.txt  ", `\#x`, "#x", `\!x`, "a?.txt", "a[0-9].txt", "a[!0-9].txt", "sub/**/x.log",
		"foo/*", "foo/**\n!foo/bar", "*.log\n!sub/deep", "log*", "", "conf/sub/a.txt", "sub/deep/", "bar/baz",
	} {
		l, err := ParsePreserve(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, p := range preserveTrees {
			want := gitIgnores(t, text, p)
			if got := l.Match(p, !strings.Contains(filepath.Base(p), ".") && isFolder(p)); got != want {
				t.Errorf("%q on %q: %v, git says %v", text, p, got, want)
			}
		}
	}
}

// isFolder: another path of the tree lies in it.
func isFolder(p string) bool {
	for _, q := range preserveTrees {
		if strings.HasPrefix(q, p+"/") {
			return true
		}
	}
	return false
}

var gitAnswers = map[string]map[string]bool{}

func gitIgnores(t *testing.T, rules, p string) bool {
	t.Helper()
	if gitAnswers[rules] == nil {
		dir := t.TempDir()
		for _, q := range preserveTrees {
			name := filepath.Join(dir, q)
			if isFolder(q) {
				must(t, os.MkdirAll(name, 0o755))
				continue
			}
			must(t, os.MkdirAll(filepath.Dir(name), 0o755))
			must(t, os.WriteFile(name, nil, 0o644))
		}
		must(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(rules+"\n"), 0o644))
		if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		cmd := exec.Command("git", "check-ignore", "--stdin", "--no-index", "-z")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(preserveTrees, "\x00")+"\x00")
		out, err := cmd.Output()
		if err != nil && cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("%q: %v", rules, err)
		}
		gitAnswers[rules] = map[string]bool{}
		for _, q := range strings.Split(string(out), "\x00") {
			gitAnswers[rules][q] = true
		}
	}
	return gitAnswers[rules][p]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPreserveRefused(t *testing.T) {
	for _, text := range []string{"[a", "a\x01b", strings.Repeat("x", maxPattern+1), "[[:alpha:]]", "/", "!", strings.Repeat("a\n", maxPatterns+1)} {
		if _, err := ParsePreserve(text); err == nil {
			t.Errorf("%.40q passes", text)
		}
	}
}

func TestPreserveDefaults(t *testing.T) {
	l, err := ParsePreserve(strings.Join(wso2Data, "\n"))
	must(t, err)
	for p, want := range map[string]bool{
		"solr/data/x/segments_1": true, "repository/data/x": true, "repository/database/WSO2AM.mv.db": true, "repository/tenants/1/x": true,
		"repository/deployment/server/webapps/api.war": true, "repository/resources/security/wso2carbon.jks": true, "repository/logs/wso2carbon.log": true,
		"repository/conf/deployment.toml": false, "repository/components/lib/own.jar": false, "repository/resources/security/readme.txt": false, "other/solr/data/x": false,
	} {
		if got := l.Match(p, false); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}

func TestMatchAny(t *testing.T) {
	for _, c := range []struct {
		glob, path string
		want       bool
	}{
		{"conf/**", "conf/a/b.yml", true}, {"conf", "conf/a/b.yml", true}, {"conf/", "conf/a", true}, {"*.yml", "conf/a.yml", false}, {"**/*.yml", "conf/a.yml", true},
		{"conf/a.yml", "conf/a.yml", true}, {"conf/?.yml", "conf/ab.yml", false}, {"**", "x", true},
	} {
		if got := MatchAny([]string{"nothing", c.glob}, c.path); got != c.want {
			t.Errorf("%s on %s: %v", c.glob, c.path, got)
		}
	}
	for _, g := range []string{"", "[", "a\x00", fmt.Sprint(strings.Repeat("x", 2000))} {
		if CheckGlob(g) == nil {
			t.Errorf("%.20q passes", g)
		}
	}
}
