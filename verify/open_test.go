package verify

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// noise gives n bytes that do not compress, always the same.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return string(b)
}

// bigBundle has a payload of two pieces. Tests must not write into it.
var bigBundle = sync.OnceValue(func() []byte { return newMaker(&testing.T{}, noise(17<<18)).make(&testing.T{}) })

func TestOpenGood(t *testing.T) {
	m := newMaker(t, "brand new", "another")
	b := m.make(t)
	v, report, err := openBytes(b, anyOne("alice").parse(t))
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || v.LaterFormat() || v.Info().Product != "sample" || v.Frozen().Product != "sample" || v.Size() != int64(len(b)) {
		t.Errorf("%v", report)
	}
	if s := v.Signers(); len(s) != 1 || s[0].Principal != "alice" || !strings.HasPrefix(s[0].Fingerprint, "SHA256:") {
		t.Errorf("signers %+v", s)
	}
	l, err := v.Levels(ids)
	if err != nil {
		t.Fatal(err)
	}
	if l.Base.Digest() != m.base.Digest() || l.Target.Digest() != m.target.Digest() || string(l.Changelog) != "# what changed\n" {
		t.Errorf("levels %+v", l)
	}
	if got := payload(t, v); len(got) != 3 || got["new"] == 0 || got["brand new"] == 0 || got["another"] == 0 {
		t.Errorf("payload %v", got)
	}
	for goos, want := range map[string]string{"linux": linuxTool, "windows": windowsTool} {
		if got := readTool(t, v, goos); got != want {
			t.Errorf("%s: %q", goos, got)
		}
	}
	content, err := v.CheckContent(context.Background(), ids)
	if err != nil || !content.OK() || len(content.Checks) != 5 {
		t.Errorf("%v %v", err, content)
	}
	if u := v.Unchecked(); len(u) != 3 || u[0].Result != NotChecked {
		t.Errorf("%v", u)
	}
}

func payload(t *testing.T, v *Bundle) map[string]int {
	t.Helper()
	p, err := v.Payload(ids, PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := map[string]int{}
	for {
		item, err := p.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(item)
		if err != nil || int64(len(b)) != item.Size || manifest.Sum(b) != item.SHA256 {
			t.Fatalf("%s: %d bytes, %v", item.SHA256, len(b), err)
		}
		out[string(b)]++
	}
}

func readTool(t *testing.T, v *Bundle, goos string) string {
	t.Helper()
	tool, err := v.Tool(ids, goos, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	defer tool.Close()
	if tool.Statement.OS != goos || len(tool.Signers) != 1 {
		t.Errorf("statement %+v by %v", tool.Statement, tool.Signers)
	}
	var b bytes.Buffer
	n, err := tool.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(err)
	}
	if _, err := tool.WriteTo(&b); err == nil {
		t.Error("a tool gives its bytes twice")
	}
	return b.String()
}

func TestFullBundle(t *testing.T) {
	m := newMaker(t)
	m.info.Kind, m.info.Start, m.info.BaseManifest = bundle.Full, 10, manifest.Digest{}
	m.parts[bundle.LevelsName] = []entry{{bundle.LevelName(10), string(m.target.Marshal())}, {bundle.ContentsName(10, 10), listOf(whole(nil, m.target))}}
	m.parts[bundle.PayloadName] = nil
	content := map[manifest.Digest]string{manifest.Sum([]byte("same")): "same", manifest.Sum([]byte("new")): "new"}
	for _, b := range manifest.Needed(nil, m.target) {
		m.parts[bundle.PayloadName] = append(m.parts[bundle.PayloadName], entry{bundle.BlobName(b.SHA256), content[b.SHA256]})
	}
	v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
	l, err := v.Levels(ids)
	if err != nil || l.Base != nil || l.Target.Level != 10 || l.Changelog != nil {
		t.Fatalf("%+v %v", l, err)
	}
	if got := payload(t, v); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// TestOpenRefuses attacks bundles from outside: nobody who may sign takes part.
func TestOpenRefuses(t *testing.T) {
	good := newMaker(t, noise(20000)).make(t)
	other := newMaker(t, "other").make(t)
	alice := anyOne("alice")
	revoked := alice
	revoked.signers, revoked.revoked = []string{"alice", "bob"}, []string{"alice"}
	expired := alice
	expired.options = map[string]string{"alice": `valid-before="20261121115959Z"`}
	toolsOnly := alice
	toolsOnly.options = map[string]string{"alice": `namespaces="packlift-tool@v1"`}
	two := set{signers: []string{"alice", "bob"}, rules: map[string]map[string]int{NamespaceBundle: {RoleAny: 2}}}
	byTwice := newMaker(t)
	byTwice.signers = []string{"alice", "alice"}
	wrongNS := newMaker(t)
	wrongNS.namespace = NamespaceTool
	foreign := alice
	foreign.product = []string{"wso2am"}
	otherSigs := members(t, other)
	stolen := pack(t, append(members(t, good)[:6], otherSigs[6:]...))
	same := func(_, c string) string { return c }
	for name, c := range map[string]struct {
		bundle []byte
		set    set
		class  fault.Class
		layer  bundle.Layer
		reason string
	}{
		"signed by a stranger":        {good, anyOne("bob"), fault.Untrusted, bundle.LayerSignature, "not in allowed_signers"},
		"revoked":                     {good, revoked, fault.Untrusted, bundle.LayerSignature, "revoked"},
		"expired at creation":         {good, expired, fault.Untrusted, bundle.LayerSignature, "expired"},
		"key for tools only":          {good, toolsOnly, fault.Untrusted, bundle.LayerSignature, "namespaces="},
		"one of two":                  {good, two, fault.Untrusted, bundle.LayerSignature, "any: 1 of 2"},
		"one key, two signatures":     {byTwice.make(t), two, fault.Untrusted, bundle.LayerSignature, "counts once"},
		"signed as a tool":            {wrongNS.make(t), alice, fault.Untrusted, bundle.LayerSignature, "made for namespace"},
		"another bundle's signatures": {stolen, alice, fault.Untrusted, bundle.LayerSignature, "does not verify"},
		"re-signed by a stranger":     {remake(t, good, same, "mallory"), alice, fault.Untrusted, bundle.LayerSignature, "any: 0 of 1"},
		"product not allowed":         {good, foreign, fault.Untrusted, bundle.LayerSignature, "the product sample-1.0.0"},
		"manifest edited":             {remake(t, good, replace(bundle.ManifestName, `"end":10`, `"end":11`)), alice, fault.Tampered, bundle.LayerDigest, bundle.ManifestName},
		"sums edited":                 {remake(t, good, replace(bundle.SumsName, "a", "b")), alice, fault.Untrusted, bundle.LayerSignature, "does not verify"},
		"pieces edited":               {remake(t, good, replace(bundle.PiecesName, "a", "b")), alice, fault.Tampered, bundle.LayerDigest, bundle.PiecesName},
		"parts exchanged":             {exchange(t, good, bundle.ToolsName, bundle.LevelsName), alice, fault.Tampered, bundle.LayerDigest, bundle.ToolsName},
		"signature damaged":           {remake(t, good, replace(bundle.SignatureName(1), "A", "B")), alice, fault.Untrusted, bundle.LayerSignature, ""},
		"signature with a tail":       {remake(t, good, func(n, c string) string { return c + map[bool]string{true: "\n"}[n == "sig/01.sig"] }), alice, fault.Untrusted, bundle.LayerSignature, "does not end"},
		"no bundle":                   {[]byte("PK\x03\x04 this is a zip"), alice, fault.NotABundle, bundle.LayerOuter, ""},
		"empty file":                  {nil, alice, fault.NotABundle, bundle.LayerOuter, ""},
		"truncated":                   {good[:len(good)-600], alice, fault.Truncated, bundle.LayerOuter, ""},
		"trailing bytes":              {append(bytes.Clone(good), 0), alice, fault.Tampered, bundle.LayerOuter, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, report, err := openBytes(c.bundle, c.set.parse(t))
			if v != nil || fault.ClassOf(err) != c.class || bundle.LayerOf(err) != c.layer || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("class %v, layer %q, %v; want %v, %q, %q", fault.ClassOf(err), bundle.LayerOf(err), err, c.class, c.layer, c.reason)
			}
			if report == nil || report.OK() {
				t.Errorf("the report does not tell: %v", report)
			}
		})
	}
}

func exchange(t *testing.T, b []byte, one, two string) []byte {
	t.Helper()
	list := members(t, b)
	var i, j int
	for n, e := range list {
		switch e.name {
		case one:
			i = n
		case two:
			j = n
		}
	}
	list[i].content, list[j].content = list[j].content, list[i].content
	return pack(t, list)
}

// TestEveryRegionMatters flips one bit in every 200th byte: Open or CheckContent must
// refuse, with a class, and no member is looked into before the signatures passed.
func TestEveryRegionMatters(t *testing.T) {
	good := newMaker(t, noise(3000)).make(t)
	ts := anyOne("alice").parse(t)
	for i := 0; i < len(good); i += 200 {
		b := bytes.Clone(good)
		b[i] ^= 0x04
		_, _, err := openBytes(b, ts)
		if err == nil || fault.ClassOf(err) == fault.General {
			t.Errorf("bit flip at %d of %d: %v", i, len(good), err)
		}
	}
}

// TestTrustedSignerLies has the right key sign digests that contradict each other.
func TestTrustedSignerLies(t *testing.T) {
	good := newMaker(t, noise(3000)).make(t)
	v := mustOpen(t, good, anyOne("alice").parse(t))
	stored := v.Info().Parts.Payload.Stored.SHA256.String()
	flipped := "0" + stored[1:]
	if flipped == stored {
		flipped = "1" + stored[1:]
	}
	for name, c := range map[string]struct {
		bundle []byte
		layer  bundle.Layer
	}{
		"stored digest": {remake(t, good, replace(bundle.ManifestName, stored, flipped), "alice"), bundle.LayerManifest},
		"piece digest":  {remake(t, good, replace(bundle.PiecesName, stored, flipped), "alice"), bundle.LayerDigest},
		"end level":     {remake(t, good, replace(bundle.ManifestName, `"end":10`, `"end":11`), "alice"), bundle.LayerManifest},
		"pieces form":   {remake(t, good, replace(bundle.PiecesName, "{", "{ "), "alice"), bundle.LayerPieces},
	} {
		_, _, err := openBytes(c.bundle, anyOne("alice").parse(t))
		if err == nil || bundle.LayerOf(err) != c.layer {
			t.Errorf("%s: layer %q, %v", name, bundle.LayerOf(err), err)
		}
	}
}

func TestDamageIsLocated(t *testing.T) {
	b := bytes.Clone(bigBundle())
	l, _ := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
	m, _ := l.Find(bundle.PayloadName)
	b[m.Offset+bundle.PieceSize+5] ^= 1
	_, report, err := openBytes(b, anyOne("alice").parse(t))
	if fault.ClassOf(err) != fault.Tampered || !strings.Contains(err.Error(), "1 of 2 pieces") {
		t.Errorf("%v", err)
	}
	last := report.Checks[len(report.Checks)-1]
	if last.Result != NotChecked {
		t.Errorf("what was not reached is not told: %+v", last)
	}
}

// mutable is a stick whose content another hand changes after the check.
type mutable struct {
	mu sync.Mutex
	b  []byte
}

func (m *mutable) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.NewReader(m.b).ReadAt(p, off)
}

func (m *mutable) swap(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b = b
}

// TestSwappedAfterOpen changes the file between the check and the use. Every
// later read must notice, wherever the change lies.
func TestSwappedAfterOpen(t *testing.T) {
	good := bigBundle()
	for name, evil := range map[string]func(m bundle.Member) []byte{
		"one bit":      func(m bundle.Member) []byte { b := bytes.Clone(good); b[m.Offset+m.Size/2] ^= 1; return b },
		"last byte":    func(m bundle.Member) []byte { b := bytes.Clone(good); b[m.Offset+m.Size-1] ^= 1; return b },
		"first byte":   func(m bundle.Member) []byte { b := bytes.Clone(good); b[m.Offset] ^= 1; return b },
		"other bundle": func(bundle.Member) []byte { return newMaker(t, "rigged").make(t) },
		"cut":          func(m bundle.Member) []byte { return good[:m.Offset+m.Size/2] },
	} {
		for _, part := range bundle.PartNames {
			t.Run(name+" of "+part, func(t *testing.T) {
				stick := &mutable{b: good}
				v, _, err := Open(context.Background(), stick, int64(len(good)), Options{Trust: anyOne("alice").parse(t)})
				if err != nil {
					t.Fatal(err)
				}
				m, _ := v.layout.Find(part)
				if part == bundle.PayloadName {
					if _, err := v.Levels(ids); err != nil {
						t.Fatal(err)
					}
				}
				stick.swap(evil(m))
				if err := usePart(v, part); fault.ClassOf(err) != fault.Tampered && fault.ClassOf(err) != fault.Truncated {
					t.Errorf("used: %v", err)
				}
			})
		}
	}
}

func usePart(v *Bundle, part string) error {
	switch part {
	case bundle.ToolsName:
		tool, err := v.Tool(ids, "linux", "amd64")
		if err != nil {
			return err
		}
		defer tool.Close()
		_, err = tool.WriteTo(io.Discard)
		return err
	case bundle.LevelsName:
		_, err := v.Levels(ids)
		return err
	}
	return v.checkPayload(context.Background(), ids, &Report{})
}

func TestDetachedSignatures(t *testing.T) {
	b := newMaker(t).make(t)
	two := set{signers: []string{"alice", "bob"}, rules: map[string]map[string]int{NamespaceBundle: {RoleAny: 2}}}.parse(t)
	sumsText := []byte(members(t, b)[1].content)
	counter := signText(t, NamespaceBundle, sumsText, "bob")
	v, _, err := Open(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Trust: two, Detached: append([][]byte{[]byte("junk")}, counter...)})
	if err != nil || len(v.Signers()) != 2 {
		t.Errorf("%v", err)
	}
	other := signText(t, NamespaceBundle, []byte("other"), "bob")
	if _, _, err := Open(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Trust: two, Detached: other}); fault.ClassOf(err) != fault.Untrusted {
		t.Errorf("another bundle's countersignature: %v", err)
	}
	many := make([][]byte, MaxDetached+1)
	if _, _, err := Open(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Trust: two, Detached: many}); fault.ClassOf(err) != fault.Untrusted {
		t.Errorf("too many: %v", err)
	}
}

func TestAge(t *testing.T) {
	m := newMaker(t)
	m.info.BestBefore = created.AddDate(0, 1, 0)
	b := m.make(t)
	ts := anyOne("alice").parse(t)
	for name, c := range map[string]struct {
		now    time.Time
		maxAge time.Duration
		want   Result
	}{
		"fresh":           {created.AddDate(0, 0, 1), 0, Passed},
		"past its best":   {created.AddDate(0, 2, 0), 0, Warning},
		"in the future":   {created.AddDate(-1, 0, 0), 0, Warning},
		"within max-age":  {created.Add(time.Hour), 2 * time.Hour, Passed},
		"too old":         {created.Add(3 * time.Hour), 2 * time.Hour, Failed},
		"no clock":        {time.Time{}, 2 * time.Hour, NotChecked},
		"skew is allowed": {created.Add(-time.Hour), 0, Passed},
	} {
		_, report, err := Open(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Trust: ts, Now: c.now, MaxAge: c.maxAge})
		last := report.Checks[len(report.Checks)-1]
		if last.Name != "age" || last.Result != c.want || (err != nil) != (c.want == Failed) {
			t.Errorf("%s: %+v, %v", name, last, err)
		}
		if err != nil && fault.ClassOf(err) != fault.Rollback {
			t.Errorf("%s: class %v", name, fault.ClassOf(err))
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b := bigBundle()
	_, _, err := Open(ctx, bytes.NewReader(b), int64(len(b)), Options{Trust: anyOne("alice").parse(t), Progress: func(int64) { cancel() }})
	if fault.ClassOf(err) != fault.Interrupted {
		t.Errorf("%v", err)
	}
	v := mustOpen(t, b, anyOne("alice").parse(t))
	if _, err := v.CheckContent(ctx, ids); fault.ClassOf(err) != fault.Interrupted {
		t.Errorf("content: %v", err)
	}
}

func TestZeroBundle(t *testing.T) {
	for name, b := range map[string]*Bundle{"nil": nil, "zero": {}} {
		_, e1 := b.Tool(ids, "linux", "amd64")
		_, e2 := b.Levels(ids)
		_, e3 := b.Payload(ids, PayloadOptions{})
		_, e4 := b.CheckContent(context.Background(), ids)
		for i, err := range []error{e1, e2, e3, e4} {
			if fault.ClassOf(err) != fault.Untrusted {
				t.Errorf("%s: method %d: %v", name, i, err)
			}
		}
		if b.Info() != nil || b.Signers() != nil || b.LaterFormat() || b.Frozen().Format != 0 || b.Size() != 0 || !b.Sums().IsZero() {
			t.Errorf("%s has content", name)
		}
	}
	if _, err := (&Tool{}).WriteTo(io.Discard); err == nil {
		t.Error("a zero Tool is written")
	}
	if _, err := (&Contents{}).Next(); err == nil || err == io.EOF {
		t.Error("zero Contents have an end")
	}
	if _, _, err := openBytes(bigBundle(), nil); fault.ClassOf(err) != fault.Untrusted {
		t.Errorf("without a trust set: %v", err)
	}
}

func TestNoIdentity(t *testing.T) {
	v := mustOpen(t, newMaker(t).make(t), anyOne("alice").parse(t))
	stranger, _ := age.GenerateX25519Identity()
	for name, wrong := range map[string][]age.Identity{"none": nil, "a stranger's": {stranger}} {
		for _, part := range []string{bundle.ToolsName, bundle.LevelsName} {
			var err error
			if part == bundle.ToolsName {
				_, err = v.Tool(wrong, "linux", "amd64")
			} else {
				_, err = v.Levels(wrong)
			}
			if fault.ClassOf(err) != fault.Undecryptable {
				t.Errorf("%s, %s: %v", name, part, err)
			}
		}
	}
}

func TestPeek(t *testing.T) {
	good := newMaker(t).make(t)
	// Neither digests nor signatures are looked at: that is why all of it is UNVERIFIED.
	evil := remake(t, good, replace(bundle.ManifestName, "sample", "\x1b[2J\n\u202e"))
	u, err := Peek(bytes.NewReader(evil), int64(len(evil)))
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Signatures) != 1 || u.Signatures[0].Namespace != NamespaceBundle || u.Signatures[0].Fault != "" {
		t.Errorf("%+v", u.Signatures)
	}
	if text := u.ManifestText(); strings.ContainsAny(text, "\x1b\n\u202e") || !strings.Contains(text, "1.0.0") {
		t.Errorf("%q", text)
	}
	if _, err := Peek(bytes.NewReader(good[:5000]), 5000); fault.ClassOf(err) != fault.Truncated {
		t.Errorf("cut: %v", err)
	}
}
