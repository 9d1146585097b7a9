package vectorgen

import (
	"bytes"
	"strings"

	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/verify"
)

func (g *generator) signatureFaults() {
	untrusted := func(name, about, trust string, edit func(r *recipe)) {
		r := g.update()
		edit(r)
		g.add(vector{Name: name, About: about, Layer: bundle.LayerSignature, Trust: trust}, fault.Untrusted, r.build())
	}
	sigs := func(edit func(sig []byte) []byte) func(r *recipe) {
		return func(r *recipe) {
			r.sigs = func(s [][]byte) [][]byte { s[0] = edit(s[0]); return s }
		}
	}
	signers := func(s ...ssh.Signer) func(r *recipe) { return func(r *recipe) { r.signers = s } }
	k := g.keys
	untrusted("stranger", "signed by a key that the trust set does not know", "", signers(k.stranger))
	untrusted("revoked", "signed by a key that the trust set lists as revoked", "trust-revoked", signers(k.vendor))
	untrusted("one-of-two", "signed by the vendor where vendor and site must", "trust-two", signers(k.vendor))
	untrusted("same-key-twice", "the vendor signed twice where vendor and site must", "trust-two", signers(k.vendor, k.vendor))
	untrusted("other-namespace", "signed under packlift-tool@v1", "", func(r *recipe) {
		var sums []byte
		r.sumsBytes = func(b []byte) []byte { sums = b; return b }
		r.sigs = func([][]byte) [][]byte { return g.sign(verify.NamespaceTool, sums, k.vendor) }
	})
	untrusted("other-message", "the signature is over other bytes", "", func(r *recipe) {
		r.sigs = func([][]byte) [][]byte { return g.sign(verify.NamespaceBundle, []byte("other"), k.vendor) }
	})
	untrusted("text-before", "text stands before the armour", "", sigs(func(s []byte) []byte { return append([]byte("hello\n"), s...) }))
	untrusted("text-after", "text follows the armour", "", sigs(func(s []byte) []byte { return append(s, "hello\n"...) }))
	untrusted("two-in-one", "two signatures in one file", "", sigs(func(s []byte) []byte { return append(bytes.Clone(s), s...) }))
	untrusted("crlf", "the armour has CRLF line ends", "", sigs(func(s []byte) []byte { return bytes.ReplaceAll(s, []byte("\n"), []byte("\r\n")) }))
	untrusted("one-line", "the armour's base64 is one line", "", sigs(func(s []byte) []byte {
		lines := strings.Split(string(s), "\n")
		n := len(lines)
		return []byte(lines[0] + "\n" + strings.Join(lines[1:n-2], "") + "\n" + lines[n-2] + "\n")
	}))
	untrusted("cut", "the armour ends early", "", sigs(func(s []byte) []byte { return s[:len(s)/2] }))
	untrusted("empty-lines", "the signature is one newline", "", sigs(func([]byte) []byte { return []byte("\n") }))
}

func (g *generator) sumsFaults() {
	text := func(name, about string, edit func(lines []string) string) {
		g.tampered(bundle.LayerSums, name, "SHA256SUMS "+about, func(r *recipe) {
			r.sumsBytes = func(b []byte) []byte { return []byte(edit(strings.SplitAfter(string(b), "\n")[:5])) }
		})
	}
	all := func(l []string) string { return strings.Join(l, "") }
	text("missing", "lacks a line", func(l []string) string { return all(l[:4]) })
	text("doubled", "has a line twice", func(l []string) string { return l[0] + all(l) })
	text("reordered", "is out of order", func(l []string) string { l[0], l[1] = l[1], l[0]; return all(l) })
	text("unknown", "lists a member that is not there", func(l []string) string { return all(l) + l[4][:66] + "extra\n" })
	text("itself", "lists itself", func(l []string) string { return all(l) + l[4][:66] + "SHA256SUMS\n" })
	text("upper", "has an upper-case digest", func(l []string) string { l[2] = strings.ToUpper(l[2][:64]) + l[2][64:]; return all(l) })
	text("binary", "marks a member as binary", func(l []string) string { return strings.Replace(all(l), "  ", " *", 1) })
	text("one-space", "has one space", func(l []string) string { return strings.Replace(all(l), "  ", " ", 1) })
	text("crlf", "has CRLF line ends", func(l []string) string { return strings.ReplaceAll(all(l), "\n", "\r\n") })
	text("no-newline", "does not end in a newline", func(l []string) string { return strings.TrimSuffix(all(l), "\n") })
	text("blank", "ends in a blank line", func(l []string) string { return all(l) + "\n" })
	text("comment", "begins with a comment", func(l []string) string { return "# sums\n" + all(l) })
	text("escaped", "has an escaped name", func(l []string) string { return `\` + all(l) })
	text("path", "names a member by another path", func(l []string) string { return strings.Replace(all(l), "MANIFEST", "./MANIFEST", 1) })
	for _, name := range []string{bundle.ManifestName, bundle.PiecesName, bundle.ToolsName, bundle.LevelsName, bundle.PayloadName} {
		g.tampered(bundle.LayerDigest, "lie-sums-"+word(name), "SHA256SUMS states another digest of "+name, func(r *recipe) {
			r.sums = func(s map[string]manifest.Digest) { s[name] = manifest.Sum([]byte("other")) }
		})
	}
}
