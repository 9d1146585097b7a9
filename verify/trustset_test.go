package verify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"

	"packlift/internal/fault"
)

func TestAllowedSignersRefuses(t *testing.T) {
	key, other := keyLine(t, "alice"), keyLine(t, "bob")
	certKey := "ssh-ed25519-cert-v01@openssh.com AAAA"
	for name, c := range map[string]struct{ text, reason string }{
		"empty":                 {"", "no principal"},
		"comments only":         {"# x\n\n", "no principal"},
		"no key":                {"alice\n", "no public key"},
		"no base64":             {"alice ssh-ed25519\n", "no public key"},
		"bad base64":            {"alice ssh-ed25519 AAAA!\n", "key"},
		"junk key":              {"alice ssh-ed25519 AAAA\n", "key"},
		"type differs":          {"alice " + strings.Replace(key, "ssh-ed25519", "ssh-rsa", 1) + "\n", "is called"},
		"star":                  {"* " + key + "\n", "pattern"},
		"pattern":               {"al?ce " + key + "\n", "pattern"},
		"negated":               {"!alice " + key + "\n", "pattern"},
		"list":                  {"alice,bob " + key + "\n", "list"},
		"path":                  {"../alice " + key + "\n", "principal"},
		"slash":                 {"a/b " + key + "\n", "principal"},
		"dot first":             {".alice " + key + "\n", "principal"},
		"device name":           {"nul " + key + "\n", "device"},
		"quoted":                {`"alice" ` + key + "\n", "principal"},
		"long name":             {strings.Repeat("a", 65) + " " + key + "\n", "64"},
		"principal twice":       {"alice " + key + "\nalice " + other + "\n", "twice"},
		"principal in two case": {"alice " + key + "\nAlice " + other + "\n", "differ only in case"},
		"key twice":             {"alice " + key + "\nbob " + key + "\n", "belongs to one principal"},
		"cert-authority":        {"alice cert-authority " + key + "\n", "cert-authority"},
		"CERT-AUTHORITY":        {"alice CERT-Authority,namespaces=\"x\" " + key + "\n", "cert-authority"},
		"certificate":           {"alice " + certKey + "\n", "key"},
		"unknown option":        {"alice no-touch-required " + key + "\n", "unknown"},
		"option twice":          {`alice namespaces="a",namespaces="b" ` + key + "\n", "twice"},
		"unquoted option":       {"alice namespaces=a " + key + "\n", "double quotes"},
		"open quote":            {`alice namespaces="a ` + key + "\n", "not closed"},
		"backslash":             {`alice namespaces="a\"b" ` + key + "\n", "backslash"},
		"empty namespaces":      {`alice namespaces="" ` + key + "\n", "patterns"},
		"bad time":              {`alice valid-after="2026-01-01" ` + key + "\n", "YYYYMMDD"},
		"no such day":           {`alice valid-after="20260230Z" ` + key + "\n", "YYYYMMDD"},
		"time before 1970":      {`alice valid-after="19600101Z" ` + key + "\n", "YYYYMMDD"},
		"window inverted":       {`alice valid-after="20270101Z",valid-before="20260101Z" ` + key + "\n", "not before"},
		"carriage return":       {"alice " + key + "\r\n", "carriage return"},
		"NUL":                   {"alice " + key + " \x00\n", "control"},
		"escape in a comment":   {"# \x1b[2J\nalice " + key + "\n", "control"},
		"bidi":                  {"# \u202e\nalice " + key + "\n", "control"},
		"not UTF-8":             {"# \xff\nalice " + key + "\n", "UTF-8"},
		"long line":             {"#" + strings.Repeat("x", maxKeyLine) + "\n", "longer"},
		"long file":             {strings.Repeat("# x\n", MaxTrustFile/4+1), "longer"},
	} {
		files := anyOne("alice").files(t)
		files[AllowedSignersFile] = []byte(c.text)
		_, err := ParseTrustSet(asFS(files))
		if err == nil || !strings.Contains(err.Error(), c.reason) || fault.ClassOf(err) != fault.Untrusted {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
}

func TestTooManyPrincipals(t *testing.T) {
	var b strings.Builder
	for i := range MaxPrincipals + 1 {
		fmt.Fprintf(&b, "p%d %s\n", i, keyLine(t, fmt.Sprint("p", i)))
	}
	if _, _, err := parseAllowedSigners([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

func TestAllowedSignersAccepts(t *testing.T) {
	text := "# the vendor\n\n  alice@example.com\t" + keyLine(t, "alice") + " alice's laptop\n" +
		`bob VALID-AFTER="202601010000",namespaces="packlift-*,!packlift-trust@v1" ` + keyLine(t, "bob")
	signers, _, err := parseAllowedSigners([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(signers) != 2 || signers[0].principal != "alice@example.com" || signers[1].after.IsZero() {
		t.Fatalf("%+v", signers)
	}
	for ns, want := range map[string]bool{NamespaceBundle: true, NamespaceTrust: false, "git": false} {
		if signers[1].allows(ns) != want {
			t.Errorf("bob under %s: %v", ns, !want)
		}
	}
}

func TestWeakKeysRefused(t *testing.T) {
	// 1024-bit RSA, made once with ssh-keygen -t rsa -b 1024.
	const weak = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDCRDgzMyjqsIg9+MYXJ3u4ZdIT4dqQBBtnMgOn9+AKAYtBbj1xWkZsXhLBxTeYNtYFRMqXQHB4wyn7bIqDIR1eUJJmUXSCdRcb3dGBUsDwjSvLTrCqv/jDVPSXyFkG1w0W2kvvyIYPkLQ0z4VIRGgWjvZh7W5u/1I3Y0xNS8Q1LQ=="
	_, _, err := parseAllowedSigners([]byte("alice " + weak + "\n"))
	if err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Error(err)
	}
}

func TestRevokedKeys(t *testing.T) {
	files := anyOne("alice").files(t)
	files[RevokedKeysFile] = []byte("SSHKRL\n\x00....")
	if _, err := ParseTrustSet(asFS(files)); err == nil || !strings.Contains(err.Error(), "KRL") || fault.HintOf(err) == "" {
		t.Errorf("a KRL: %v, hint %q", err, fault.HintOf(err))
	}
	for _, bad := range []string{"alice " + keyLine(t, "bob") + "\n", "SHA256:abc\n", "ssh-ed25519\n"} {
		files[RevokedKeysFile] = []byte(bad)
		if _, err := ParseTrustSet(asFS(files)); err == nil {
			t.Errorf("revoked_keys %q is read", bad)
		}
	}
	files[RevokedKeysFile] = []byte("# stolen\n" + keyLine(t, "bob") + " bob's laptop\n")
	ts, err := ParseTrustSet(asFS(files))
	if err != nil || len(ts.revoked) != 1 {
		t.Errorf("%v %v", ts, err)
	}
}

func TestTrustSetFilesMissing(t *testing.T) {
	for _, name := range []string{AllowedSignersFile, PolicyFile, RevokedKeysFile} {
		files := anyOne("alice").files(t)
		delete(files, name)
		_, err := ParseTrustSet(asFS(files))
		if err == nil || !strings.Contains(err.Error(), name) || fault.HintOf(err) == "" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	fsys := asFS(anyOne("alice").files(t))
	fsys["README"] = &fstest.MapFile{Data: []byte("x")}
	if _, err := ParseTrustSet(fsys); err != nil {
		t.Errorf("with another file: %v", err)
	}
}

func TestPolicyRefuses(t *testing.T) {
	signers := []signer{{principal: "alice"}, {principal: "bob"}}
	for text, reason := range map[string]string{
		``:                             "EOF",
		`{}`:                           "no signature in any namespace",
		`{"roles":{},"namespaces":{}}`: "no signature in any namespace",
		`{"namespaces":{"packlift-bundle@v1":{}}}`:                                                                               "asks for no signature",
		`{"namespaces":{"packlift-bundle@v1":{"any":0}}}`:                                                                        "least is 1",
		`{"namespaces":{"packlift-bundle@v1":{"any":-1}}}`:                                                                       "least is 1",
		`{"namespaces":{"packlift-bundle@v1":{"any":null}}}`:                                                                     "least is 1",
		`{"namespaces":{"packlift-bundle@v1":{"any":1.5}}}`:                                                                      "number",
		`{"namespaces":{"packlift-bundle@v1":{"any":3}}}`:                                                                        "which has 2",
		`{"namespaces":{"packlift-bundle@v1":{"vendor":1}}}`:                                                                     "not defined",
		`{"namespaces":{"bundle":{"any":1}}}`:                                                                                    "form",
		`{"roles":{"vendor":["carol"]},"namespaces":{"packlift-bundle@v1":{"any":1}}}`:                                           "carol",
		`{"roles":{"vendor":["alice","alice"]},"namespaces":{"packlift-bundle@v1":{"vendor":2}}}`:                                "twice",
		`{"roles":{"vendor":[]},"namespaces":{"packlift-bundle@v1":{"any":1}}}`:                                                  "no member",
		`{"roles":{"any":["alice"]},"namespaces":{"packlift-bundle@v1":{"any":1}}}`:                                              "reserved",
		`{"roles":{"vendor":["alice"]},"namespaces":{"packlift-bundle@v1":{"vendor":2}}}`:                                        "which has 1",
		`{"namespaces":{"packlift-bundle@v1":{"any":2}},"namespaces":{"packlift-bundle@v1":{"any":1}}}`:                          "twice",
		`{"namespaces":{"packlift-bundle@v1":{"any":2,"any":1}}}`:                                                                "twice",
		`{"namespaces":{"packlift-bundle@v1":{"any":2}},"Namespaces":{"packlift-bundle@v1":{"any":1}}}`:                          "misspelt",
		`{"roles":{"v":["alice"],"v":["bob"]},"namespaces":{"packlift-bundle@v1":{"any":1}}}`:                                    "twice",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}},"extra":1}`:                                                              "unknown field",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}}} {}`:                                                                     "follow",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}}`:                                                                         "EOF",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}},"products":[]}`:                                                          "empty list",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}},"products":["a b"]}`:                                                     "product",
		`{"namespaces":{"packlift-bundle@v1":{"any":1}},"products":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "deeper",
		`[]`: "",
	} {
		if _, err := parsePolicy([]byte(text), signers); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, want %q", text, err, reason)
		}
	}
}

func TestFingerprint(t *testing.T) {
	files := anyOne("alice").files(t)
	ts, err := ParseTrustSet(asFS(files))
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		changed := anyOne("alice").files(t)
		changed[name] = append(changed[name], '\n')
		other, err := ParseTrustSet(asFS(changed))
		if err != nil {
			t.Fatal(err)
		}
		if other.Fingerprint() == ts.Fingerprint() {
			t.Errorf("%s does not matter", name)
		}
	}
	dir := t.TempDir()
	for name, b := range ts.Files() {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"sh", "sha256sum", "openssl", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not on the PATH", tool)
		}
	}
	cmd := exec.Command("sh", "-c", "sha256sum allowed_signers policy.json revoked_keys | openssl dgst -sha256 -binary | base64")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "SHA256:" + strings.TrimRight(string(out), "=\n"); want != ts.Fingerprint() {
		t.Errorf("stock tools say %s, Fingerprint %s", want, ts.Fingerprint())
	}
}

func TestNewTrustSet(t *testing.T) {
	alice, bob := NewSigner{"alice", []byte(keyLine(t, "alice") + " laptop\n")}, NewSigner{"bob", []byte(keyLine(t, "bob"))}
	files, err := NewTrustSet(NewTrust{Signers: []NewSigner{alice}})
	if err != nil {
		t.Fatal(err)
	}
	ts, err := ParseTrustSet(asFS(files))
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{NamespaceBundle, NamespaceTool, NamespaceTrust, NamespaceReceipt} {
		if !ts.Evaluate(ns, "x-1", created, signed(t, ns, sums, "alice"), sums).OK {
			t.Errorf("the default set refuses its signer under %s", ns)
		}
	}
	files, err = NewTrustSet(NewTrust{Signers: []NewSigner{alice, bob}, Roles: map[string][]string{"vendor": {"alice", "bob"}},
		Policy: map[string]map[string]int{NamespaceBundle: {"vendor": 2}}})
	if err != nil {
		t.Fatal(err)
	}
	ts, _ = ParseTrustSet(asFS(files))
	for ns, want := range map[string]string{NamespaceBundle: "2 of vendor", NamespaceTool: "1 of any", NamespaceTrust: "2 of vendor", NamespaceReceipt: "1 of any", "x": ""} {
		alone := ts.Evaluate(ns, "", created, signed(t, ns, sums, "alice"), sums).OK
		if got := ts.Rule(ns); got != want || alone != (want == "1 of any") {
			t.Errorf("%s: the rule is %q, want %q; alice alone passes: %v", ns, got, want, alone)
		}
	}
	for name, o := range map[string]NewTrust{
		"no signer":         {},
		"private key":       {Signers: []NewSigner{{"alice", []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END")}}},
		"options smuggled":  {Signers: []NewSigner{{"alice", []byte(`namespaces="x" ` + keyLine(t, "alice"))}}},
		"bad name":          {Signers: []NewSigner{{"a b", alice.Key}}},
		"same key":          {Signers: []NewSigner{alice, {"bob", alice.Key}}},
		"unknown member":    {Signers: []NewSigner{alice}, Roles: map[string][]string{"vendor": {"carol"}}},
		"unknown namespace": {Signers: []NewSigner{alice}, Policy: map[string]map[string]int{"packlift-bundel@v1": {"any": 1}}},
		"too many":          {Signers: []NewSigner{alice}, Policy: map[string]map[string]int{NamespaceBundle: {"any": 2}}},
	} {
		if _, err := NewTrustSet(o); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAgreesWithKeygen asks ssh-keygen the same questions: options and times
// must mean the same to both.
func TestAgreesWithKeygen(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not on the PATH")
	}
	dir := t.TempDir()
	sig, allowed := filepath.Join(dir, "sig"), filepath.Join(dir, "allowed_signers")
	if err := os.WriteFile(sig, signText(t, NamespaceBundle, sums, "alice")[0], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options, at string
		want        bool
	}{
		{``, "20261121120000", true},
		{`namespaces="packlift-bundle@v1"`, "20261121120000", true},
		{`namespaces="packlift-tool@v1,packlift-bundle@v1"`, "20261121120000", true},
		{`namespaces="packlift-tool@v1"`, "20261121120000", false},
		{`namespaces="packlift-*"`, "20261121120000", true},
		{`namespaces="packlift-*,!packlift-bundle@v1"`, "20261121120000", false},
		{`namespaces="!packlift-bundle@v1,packlift-*"`, "20261121120000", false},
		{`namespaces="!packlift-tool@v1"`, "20261121120000", false},
		{`namespaces="packlift-?undle@v1"`, "20261121120000", true},
		{`NameSpaces="*"`, "20261121120000", true},
		{`valid-after="20260101"`, "20251231235959", false},
		{`valid-after="20260101"`, "20260101000000", true},
		{`valid-before="20260101"`, "20260101000000", true},
		{`valid-before="20260101"`, "20260101000001", false},
		{`valid-before="202601011230"`, "20260101123000", true},
		{`valid-before="20260101123059"`, "20260101123100", false},
		{`valid-after="20260101123059",valid-before="20260201"`, "20260115000000", true},
		{`valid-after="20260101Z"`, "20251231235959Z", false},
		{`valid-after="20260101Z"`, "20260101000000Z", true},
		{`valid-before="20260101000000Z"`, "20260101000001Z", false},
	} {
		line := strings.Join([]string{"alice", c.options, keyLine(t, "alice")}, " ")
		if err := os.WriteFile(allowed, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(keygen, "-Y", "verify", "-f", allowed, "-I", "alice", "-n", NamespaceBundle, "-s", sig, "-O", "verify-time="+c.at)
		cmd.Stdin = strings.NewReader(string(sums))
		out, err := cmd.CombinedOutput()
		if theirs := err == nil; theirs != c.want {
			t.Errorf("%s at %s: ssh-keygen says %v, want %v: %s", c.options, c.at, theirs, c.want, out)
		}
		at, err := parseTime(c.at)
		if err != nil {
			t.Fatal(err)
		}
		s := anyOne("alice")
		s.options = map[string]string{"alice": c.options}
		if o := s.parse(t).Evaluate(NamespaceBundle, "", at, signed(t, NamespaceBundle, sums, "alice"), sums); o.OK != c.want {
			t.Errorf("%s at %s: %v, want %v (%v)", c.options, c.at, o.OK, c.want, o.Refused)
		}
	}
}

// TestTimesAreLocalWithoutZ holds what ssh-keygen(1) says of the time zone.
func TestTimesAreLocalWithoutZ(t *testing.T) {
	old := time.Local
	defer func() { time.Local = old }()
	time.Local = time.FixedZone("east", 5*3600)
	for text, want := range map[string]time.Time{
		"20260101":        time.Date(2025, 12, 31, 19, 0, 0, 0, time.UTC),
		"20260101Z":       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"202601010130z":   time.Date(2026, 1, 1, 1, 30, 0, 0, time.UTC),
		"20260101013005Z": time.Date(2026, 1, 1, 1, 30, 5, 0, time.UTC),
	} {
		if got, err := parseTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, want %v (%v)", text, got, want, err)
		}
	}
}

func FuzzAllowedSigners(f *testing.F) {
	f.Add([]byte("alice " + keyLine(f, "alice") + "\n"))
	f.Add([]byte("# c\nbob namespaces=\"packlift-*\",valid-after=\"20260101Z\" " + keyLine(f, "bob") + " comment\n"))
	f.Add([]byte("*,!x cert-authority ssh-rsa AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		signers, byKey, err := parseAllowedSigners(b)
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, s := range signers {
			if CheckPrincipal(s.principal) != nil || names[strings.ToLower(s.principal)] {
				t.Fatalf("principal %q", s.principal)
			}
			names[strings.ToLower(s.principal)] = true
			if _, isCert := s.key.(*ssh.Certificate); isCert {
				t.Fatal("a certificate")
			}
		}
		if len(names) == 0 || len(byKey) != len(names) {
			t.Fatal("keys and principals are not one to one")
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"roles":{"vendor":["alice"]},"namespaces":{"packlift-bundle@v1":{"vendor":1,"any":2}},"products":["a-1"]}`))
	f.Add([]byte(`{"namespaces":{"packlift-tool@v1":{"any":0}}}`))
	signers := []signer{{principal: "alice"}, {principal: "bob"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePolicy(b, signers)
		if err != nil {
			return
		}
		if len(p.Namespaces) == 0 {
			t.Fatal("asks for nothing")
		}
		for ns, rule := range p.Namespaces {
			total := 0
			for _, n := range rule {
				if n < 1 {
					t.Fatalf("%s asks for %d", ns, n)
				}
				total += n
			}
			if total == 0 {
				t.Fatalf("%s asks for nothing", ns)
			}
		}
	})
}
