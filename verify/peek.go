package verify

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"packlift/bundle"
)

// Unverified is what a bundle claims. Nothing of it is proven: whoever shows
// it says UNVERIFIED on every line.
type Unverified struct {
	Layout     *bundle.Layout
	Signatures []ClaimedSignature
	Manifest   []byte // MANIFEST.json as it stands, neither checked nor parsed
	Sums       []byte // SHA256SUMS likewise
}

// ClaimedSignature is a signature as it stands in the bundle. Anyone can write one.
type ClaimedSignature struct {
	Member      string `json:"member"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the key that it names
	KeyType     string `json:"key_type,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Fault       string `json:"fault,omitempty"` // why it cannot be read
}

// Peek reads what a bundle claims, without a trust set. Only the outer
// container and the signatures are parsed.
func Peek(r io.ReaderAt, size int64) (*Unverified, error) {
	v := &opener{r: r, size: size, report: &Report{}}
	if err := v.container(); err != nil {
		return nil, bundle.At(bundle.LayerOuter, err)
	}
	sigs, err := v.collect()
	if err != nil {
		return nil, err
	}
	u := &Unverified{Layout: v.layout}
	for _, c := range sigs {
		u.Signatures = append(u.Signatures, c.describe())
	}
	if u.Manifest, err = v.member(bundle.ManifestName); err != nil {
		return nil, err
	}
	u.Sums, err = v.member(bundle.SumsName)
	return u, err
}

func (c *claimed) describe() ClaimedSignature {
	if c.err != nil {
		return ClaimedSignature{Member: c.where, Fault: c.err.Error()}
	}
	return ClaimedSignature{Member: c.where, Fingerprint: c.sig.Fingerprint(), KeyType: c.sig.KeyType(), Namespace: c.sig.Namespace()}
}

// ManifestText gives the manifest as one line that is safe to print: what is
// neither printable nor a space is replaced, so that it can neither move a
// terminal's cursor nor begin a line of its own.
func (u *Unverified) ManifestText() string {
	text := strings.TrimRight(string(u.Manifest), " \n")
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, text)
}
