// Package safepath holds the rules for names that come from outside.
//
// A path in a manifest or an archive is slash-separated, relative and clean,
// UTF-8 in form NFC or any other (bytes are kept), and every element of it
// can be made on Linux, macOS and Windows alike. Refused are:
//
//   - the empty path, absolute paths, "." and ".." elements, doubled or final slashes
//   - more than MaxPath bytes, more than MaxElement bytes in an element, more than MaxDepth elements
//   - invalid UTF-8, NUL, control characters (U+0000–001F, U+007F–009F), Unicode's bidi and line controls
//   - the characters < > : " | ? * \ , which Windows forbids or reads as separators
//   - elements that end in a dot or a space, and Windows device names (CON, NUL, COM1, …), with or without extension
//   - two paths that are equal after case folding and normalisation (Collisions)
package safepath

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Caps on names, in bytes and elements.
const (
	MaxPath    = 1024
	MaxElement = 255
	MaxDepth   = 64
)

// Check returns an error that names the rule p breaks, nil if none.
func Check(p string) error {
	if err := checkWhole(p); err != nil {
		return fmt.Errorf("path %q %w", clip(p), err)
	}
	elements := strings.Split(p, "/")
	if len(elements) > MaxDepth {
		return fmt.Errorf("path %q has more than %d elements", clip(p), MaxDepth)
	}
	for _, e := range elements {
		if err := checkElement(e); err != nil {
			return fmt.Errorf("path %q: element %q %w", clip(p), clip(e), err)
		}
	}
	return nil
}

// Element returns an error that names the rule the single name e breaks, nil if none.
func Element(e string) error {
	if !utf8.ValidString(e) {
		return fmt.Errorf("name %q is not UTF-8", clip(e))
	}
	if strings.Contains(e, "/") {
		return fmt.Errorf("name %q holds a slash", clip(e))
	}
	if err := checkElement(e); err != nil {
		return fmt.Errorf("name %q %w", clip(e), err)
	}
	return nil
}

func checkWhole(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("is empty")
	case len(p) > MaxPath:
		return fmt.Errorf("is longer than %d bytes", MaxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("is not UTF-8")
	case p[0] == '/':
		return fmt.Errorf("is absolute")
	}
	return nil
}

func checkElement(e string) error {
	switch {
	case e == "":
		return fmt.Errorf("is empty")
	case e == "." || e == "..":
		return fmt.Errorf("climbs")
	case len(e) > MaxElement:
		return fmt.Errorf("is longer than %d bytes", MaxElement)
	case strings.HasSuffix(e, ".") || strings.HasSuffix(e, " "):
		return fmt.Errorf("ends in a dot or a space, which Windows drops")
	case isDevice(e):
		return fmt.Errorf("is a Windows device name")
	}
	for _, r := range e {
		if err := checkRune(r); err != nil {
			return err
		}
	}
	return nil
}

func checkRune(r rune) error {
	switch {
	case unicode.IsControl(r):
		return fmt.Errorf("holds the control character %U", r)
	case r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Bidi_Control, r):
		return fmt.Errorf("holds the invisible character %U", r)
	case strings.ContainsRune(`<>:"|?*\`, r):
		return fmt.Errorf("holds %q, which Windows forbids", r)
	}
	return nil
}

// isDevice follows "Naming Files, Paths, and Namespaces" (Microsoft): the part
// before the first dot decides, and the superscript digits count too.
func isDevice(e string) bool {
	base, _, _ := strings.Cut(e, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	rest, ok := strings.CutPrefix(base, "COM")
	if !ok {
		rest, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(rest) == 1 && strings.Contains("0123456789¹²³", rest)
}

// CheckLink returns an error unless the symlink at link with this target stays
// inside the tree. The target is relative, its elements could be names of the
// tree, and ".." stands only at its front, no more often than link has parents.
//
// The place of ".." matters because the system resolves a target step by step:
// in "x/../y" it climbs from where the link x leads, not from x. With ".." at
// the front alone it climbs from the link's own folder, so that links which each
// stay inside cannot be chained into one that does not.
func CheckLink(link, target string) error {
	if target == "" || len(target) > MaxPath || !utf8.ValidString(target) {
		return fmt.Errorf("link %q has an empty, long or non-UTF-8 target", clip(link))
	}
	if target[0] == '/' {
		return fmt.Errorf("link %q has the absolute target %q", clip(link), clip(target))
	}
	up, down := 0, false
	for e := range strings.SplitSeq(strings.TrimSuffix(target, "/"), "/") {
		switch e {
		case ".":
		case "..":
			if up++; down {
				return fmt.Errorf("link %q has the target %q, which goes down and up again", clip(link), clip(target))
			}
		default:
			if down = true; checkElement(e) != nil {
				return fmt.Errorf("link %q has the target %q: element %q %w", clip(link), clip(target), clip(e), checkElement(e))
			}
		}
	}
	if up > strings.Count(link, "/") {
		return fmt.Errorf("link %q leaves the tree to %q", clip(link), clip(target))
	}
	return nil
}

// Fold gives the form under which a case-insensitive, normalising file system
// would find p. Characters that HFS+ does not see are left out.
func Fold(p string) string {
	for i := 0; i < len(p); i++ {
		if p[i] >= utf8.RuneSelf {
			return foldUnicode(p)
		}
	}
	return strings.ToLower(p)
}

func foldUnicode(p string) string {
	p = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, p)
	// Decomposed before and after folding: Unicode 3.13, D145 (canonical caseless match).
	p = norm.NFD.String(cases.Fold().String(norm.NFD.String(p)))
	return norm.NFC.String(p)
}

// unseen tells the characters that HFS+ ignores in names (CVE-2014-9390).
func unseen(r rune) bool {
	return r >= 0x200c && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x206a && r <= 0x206f || r == 0xfeff
}

// Collisions finds paths that a case-insensitive or normalising file system
// would take for one. The zero value is ready.
type Collisions struct{ seen map[string]string }

// Add records p; it returns an error that names both if an earlier path collides.
func (c *Collisions) Add(p string) error {
	if c.seen == nil {
		c.seen = map[string]string{}
	}
	key := Fold(p)
	if old, ok := c.seen[key]; ok {
		if old == p {
			return fmt.Errorf("path %q stands twice", clip(p))
		}
		return fmt.Errorf("paths %q and %q differ only in case or form", clip(old), clip(p))
	}
	c.seen[key] = p
	return nil
}

// clip keeps an error line short whatever the name.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
