package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"packlift/bundle/sshsig"
)

var sums = []byte("the text that is signed\n")

func TestEvaluate(t *testing.T) {
	twoAndOne := set{
		signers: []string{"alice", "bob", "site1", "eve"},
		roles:   map[string][]string{"vendor": {"alice", "bob"}, "site": {"site1"}},
		rules:   map[string]map[string]int{NamespaceBundle: {"vendor": 2, "site": 1}},
	}
	revoked := twoAndOne
	revoked.revoked = []string{"bob"}
	window := anyOne("alice")
	window.options = map[string]string{"alice": `valid-after="20260101Z",valid-before="20261231Z"`}
	tools := anyOne("alice", "bob")
	tools.options = map[string]string{"alice": `namespaces="packlift-tool@v1"`}
	wso2 := anyOne("alice")
	wso2.product = []string{"wso2am", "wso2is-7.0.0"}
	both := set{signers: []string{"alice", "bob"}, roles: map[string][]string{"vendor": {"alice", "bob"}},
		rules: map[string]map[string]int{NamespaceBundle: {"vendor": 1, RoleAny: 2}}}

	for name, c := range map[string]struct {
		set     set
		by      []string
		ns      string // of the signatures; NamespaceBundle if empty
		product string
		at      time.Time
		missing []string // none: passes
		refused string   // part of the reason of a refused signature
	}{
		"one of one":                  {set: anyOne("alice"), by: []string{"alice"}},
		"nobody":                      {set: anyOne("alice"), missing: []string{"any: 0 of 1"}},
		"stranger":                    {set: anyOne("alice"), by: []string{"mallory"}, missing: []string{"any: 0 of 1"}, refused: "not in allowed_signers"},
		"stranger beside":             {set: anyOne("alice"), by: []string{"mallory", "alice"}, refused: "not in allowed_signers"},
		"two and one":                 {set: twoAndOne, by: []string{"alice", "bob", "site1"}},
		"one short":                   {set: twoAndOne, by: []string{"alice", "site1"}, missing: []string{"vendor: 1 of 2"}},
		"wrong role":                  {set: twoAndOne, by: []string{"alice", "eve", "site1"}, missing: []string{"vendor: 1 of 2"}},
		"all short":                   {set: twoAndOne, by: []string{"eve"}, missing: []string{"site: 0 of 1", "vendor: 0 of 2"}},
		"one key twice":               {set: twoAndOne, by: []string{"alice", "alice", "site1"}, missing: []string{"vendor: 1 of 2"}, refused: "counts once"},
		"one key ten times":           {set: twoAndOne, by: []string{"alice", "alice", "alice", "alice", "alice"}, missing: []string{"site: 0 of 1", "vendor: 1 of 2"}},
		"revoked":                     {set: revoked, by: []string{"alice", "bob", "site1"}, missing: []string{"vendor: 1 of 2"}, refused: "revoked"},
		"other namespace":             {set: anyOne("alice"), by: []string{"alice"}, ns: NamespaceTool, missing: []string{"any: 0 of 1"}, refused: `made for namespace "packlift-tool@v1"`},
		"namespace not allowed":       {set: tools, by: []string{"alice"}, missing: []string{"any: 0 of 1"}, refused: "namespaces="},
		"namespace not allowed, bob":  {set: tools, by: []string{"alice", "bob"}, refused: "namespaces="},
		"inside the window":           {set: window, by: []string{"alice"}, at: created},
		"first second":                {set: window, by: []string{"alice"}, at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		"last second":                 {set: window, by: []string{"alice"}, at: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)},
		"expired":                     {set: window, by: []string{"alice"}, at: time.Date(2026, 12, 31, 0, 0, 1, 0, time.UTC), missing: []string{"any: 0 of 1"}, refused: "expired"},
		"not yet valid":               {set: window, by: []string{"alice"}, at: time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC), missing: []string{"any: 0 of 1"}, refused: "valid only after"},
		"no window judged":            {set: window, by: []string{"alice"}},
		"product":                     {set: wso2, by: []string{"alice"}, product: "wso2am-4.2.0"},
		"product and version":         {set: wso2, by: []string{"alice"}, product: "wso2is-7.0.0"},
		"product of another version":  {set: wso2, by: []string{"alice"}, product: "wso2is-7.1.0", missing: []string{"the product wso2is-7.1.0"}},
		"product without its version": {set: wso2, by: []string{"alice"}, product: "wso2is"},
		"other product":               {set: wso2, by: []string{"alice"}, product: "wso2a-4.2.0", missing: []string{"the product wso2a-4.2.0"}},
		"a role and any":              {set: both, by: []string{"alice", "bob"}},
		"a role and any, alone":       {set: both, by: []string{"alice"}, missing: []string{"any: 1 of 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			ns := c.ns
			if ns == "" {
				ns = NamespaceBundle
			}
			o := c.set.parse(t).Evaluate(NamespaceBundle, c.product, c.at, signed(t, ns, sums, c.by...), sums)
			if o.OK != (len(c.missing) == 0) || len(o.Missing) != len(c.missing) {
				t.Fatalf("ok %v, missing %q, want %q; refused %v", o.OK, o.Missing, c.missing, o.Refused)
			}
			for i := range c.missing {
				if !strings.HasPrefix(o.Missing[i], c.missing[i]) {
					t.Errorf("missing %q, want %q", o.Missing[i], c.missing[i])
				}
			}
			if c.refused != "" && !slices.ContainsFunc(o.Refused, func(r Refusal) bool { return strings.Contains(r.Reason, c.refused) }) {
				t.Errorf("refused %v, want %q", o.Refused, c.refused)
			}
		})
	}
}

func TestEvaluateTamperedMessage(t *testing.T) {
	o := anyOne("alice").parse(t).Evaluate(NamespaceBundle, "", created, signed(t, NamespaceBundle, sums, "alice"), []byte("another text"))
	if o.OK || len(o.Signers) > 0 {
		t.Error("a signature of another text counts")
	}
}

// TestEvaluateGoodAfterBad: a bad signature by a key does not use the key up.
func TestEvaluateGoodAfterBad(t *testing.T) {
	bad := signed(t, NamespaceBundle, []byte("another text"), "alice")
	o := anyOne("alice").parse(t).Evaluate(NamespaceBundle, "", created, append(bad, signed(t, NamespaceBundle, sums, "alice")...), sums)
	if !o.OK || len(o.Refused) != 1 {
		t.Errorf("%+v", o)
	}
}

func TestZeroNeverPasses(t *testing.T) {
	sigs := signed(t, NamespaceBundle, sums, "alice")
	for name, ts := range map[string]*TrustSet{"nil": nil, "zero": {}} {
		if ts.Evaluate(NamespaceBundle, "", created, sigs, sums).OK {
			t.Errorf("%s trust set passes", name)
		}
		if ts.Fingerprint() != "" || len(ts.Files()) != 0 {
			t.Errorf("%s trust set has content", name)
		}
	}
	ts := anyOne("alice").parse(t)
	if ts.Evaluate("packlift-unheard@v1", "", created, signed(t, "packlift-unheard@v1", sums, "alice"), sums).OK {
		t.Error("a namespace without a rule passes")
	}
	if ts.Evaluate(NamespaceBundle, "", created, []*sshsig.Signature{nil, {}}[:1], sums).OK {
		t.Error("nil signatures pass")
	}
	// A policy whose numbers were zero cannot be parsed; should one come to be, it does not pass.
	ts.policy.Namespaces[NamespaceBundle] = map[string]int{RoleAny: 0}
	if ts.Evaluate(NamespaceBundle, "", created, nil, sums).OK {
		t.Error("zero of zero passes")
	}
}
