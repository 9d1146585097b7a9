package vectorgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/fault"
)

// outer writes a vector whose outer members are edited; it is refused by the outer tar's reader.
func (g *generator) outer(class fault.Class, name, about string, edit func([]member) []member) {
	r := g.update()
	r.outer = edit
	g.fault(bundle.LayerOuter, class, name, about, r.build())
}

// header edits one outer header and makes its checksum right again.
func (g *generator) header(name, about string, at int, edit func(h *[512]byte)) {
	g.outer(fault.Tampered, name, about, func(m []member) []member {
		edit(&m[at].header)
		checksum(&m[at].header)
		return m
	})
}

func (g *generator) outerFaults() {
	good := g.update().build()
	raw := func(class fault.Class, name, about string, b []byte) {
		g.fault(bundle.LayerOuter, class, name, about, b)
	}
	raw(fault.NotABundle, "empty", "no bytes at all", nil)
	raw(fault.NotABundle, "text", "a text file", []byte(strings.Repeat("this is no bundle\n", 100)))
	raw(fault.NotABundle, "zeros", "zero bytes", make([]byte, 4096))
	raw(fault.NotABundle, "front-cut", "the first header is lost", good[512:])
	raw(fault.NotABundle, "leading-bytes", "a block stands before the bundle", slices.Concat(make([]byte, 512), good))
	raw(fault.Tampered, "trailing-byte", "one byte follows the end", append(bytes.Clone(good), 0))
	raw(fault.Tampered, "trailing-block", "a third zero block follows the end", append(bytes.Clone(good), make([]byte, 512)...))
	raw(fault.Tampered, "trailing-bundle", "a second bundle follows the first", slices.Concat(good, good))
	raw(fault.Tampered, "zero-block", "the second zero block is not zero", flip(good, len(good)-1))
	raw(fault.Tampered, "first-zero-block", "the first zero block is not zero", flip(good, len(good)-1000))
	g.memberFaults()
	g.nameFaults()
	g.typeFaults()
	g.spellingFaults()
	g.sizeFaults()
}

func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 0x10
	return out
}

var outerNames = []string{bundle.ManifestName, bundle.SumsName, bundle.ToolsName, bundle.LevelsName, bundle.PayloadName, bundle.PiecesName, "sig/01.sig"}

// word makes an outer member's name fit for a file name.
func word(name string) string {
	name, _, _ = strings.Cut(strings.ReplaceAll(name, "/", "-"), ".")
	return strings.ToLower(name)
}

func (g *generator) memberFaults() {
	for i, name := range outerNames {
		class := fault.Tampered
		if i == 0 {
			class = fault.NotABundle
		}
		g.outer(class, "missing-"+word(name), name+" is missing", func(m []member) []member { return slices.Delete(m, i, i+1) })
		g.outer(fault.Tampered, "doubled-"+word(name), name+" stands twice", func(m []member) []member { return slices.Insert(m, i+1, m[i]) })
		if i > 0 {
			class := fault.Tampered
			if i == 1 {
				class = fault.NotABundle
			}
			g.outer(class, "reordered-"+word(name), name+" stands one place too early", func(m []member) []member {
				m[i-1], m[i] = m[i], m[i-1]
				return m
			})
		}
	}
	add := func(class fault.Class, name, about string, at int, x member) {
		g.outer(class, name, about, func(m []member) []member { return slices.Insert(m, at, x) })
	}
	add(fault.Tampered, "unknown-member", "an unknown member stands before the signatures", 6, g.member("extra.txt", []byte("x")))
	add(fault.Tampered, "unknown-last", "an unknown member follows the signatures", 7, g.member("extra.txt", []byte("x")))
	add(fault.Tampered, "signature-gap", "sig/03.sig follows sig/01.sig", 7, g.member("sig/03.sig", []byte("x")))
	add(fault.Tampered, "signature-unpadded", "a signature is called sig/2.sig", 7, g.member("sig/2.sig", []byte("x")))
	add(fault.NotABundle, "trust-member", "a trust set, which needs a newer tool", 2, g.member("trust/1/policy.json", []byte("{}")))
	add(fault.Tampered, "private-json", "private.json.age, a reserved name", 2, g.member("private.json.age", []byte("x")))
	g.outer(fault.Tampered, "signatures-33", "33 signatures", func(m []member) []member {
		for n := 2; n <= 33; n++ {
			m = append(m, g.member(fmt.Sprintf("sig/%02d.sig", n), []byte("x")))
		}
		return m
	})
}

func (g *generator) nameFaults() {
	rename := func(h *[512]byte, name string) {
		copy(h[:100], make([]byte, 100))
		copy(h[:], name)
	}
	for _, c := range [][2]string{{"absolute", "/SHA256SUMS"}, {"climbing", "../SHA256SUMS"}, {"dot", "./SHA256SUMS"}, {"case", "sha256sums"}, {"slash", "SHA256SUMS/"},
		{"control", "SHA256SUMS\x01"}, {"newline", "SHA256SUMS\n"}, {"device", "CON"}, {"empty", ""}, {"backslash", `a\SHA256SUMS`}, {"utf8", "SHA256SUMS\xff"}} {
		g.header("name-"+c[0], fmt.Sprintf("a member is called %q", c[1]), 1, func(h *[512]byte) { rename(h, c[1]) })
	}
	g.header("name-nul", "bytes follow the NUL that ends a name", 1, func(h *[512]byte) { h[50] = 'x' })
	g.header("name-prefix", "a name is continued in the prefix field", 1, func(h *[512]byte) { copy(h[345:], "dir") })
}

func (g *generator) typeFaults() {
	for _, c := range []struct {
		name string
		t    byte
	}{{"old", 0}, {"hardlink", '1'}, {"symlink", '2'}, {"chardev", '3'}, {"blockdev", '4'}, {"folder", '5'}, {"fifo", '6'}, {"contiguous", '7'},
		{"pax", 'x'}, {"pax-global", 'g'}, {"longname", 'L'}, {"longlink", 'K'}, {"sparse", 'S'}, {"unknown", 'Z'}} {
		for _, at := range []int{2, 6} {
			g.header(fmt.Sprintf("type-%s-%s", c.name, word(outerNames[at])), fmt.Sprintf("%s has the tar type %q", outerNames[at], c.t), at, func(h *[512]byte) {
				if h[156] = c.t; c.t == '1' || c.t == '2' {
					copy(h[157:], "MANIFEST.json")
				}
			})
		}
	}
}

func (g *generator) spellingFaults() {
	for _, c := range []struct {
		name, about string
		off         int
		text        string
	}{
		{"mode", "mode 0755", 100, "0000755"}, {"mode-spelling", "a mode of fewer digits", 100, "000644 "}, {"owner", "owner 1000", 108, "0001750"},
		{"group", "group 1000", 116, "0001750"}, {"time", "a time", 136, "15120000000"}, {"linkname", "a link name on a regular file", 157, "x"},
		{"magic", "GNU's magic", 257, "ustar  \x00"}, {"v7", "no magic at all", 257, "\x00\x00\x00\x00\x00\x00\x00\x00"}, {"version", "version 01", 263, "01"},
		{"owner-name", "an owner's name", 265, "root"}, {"group-name", "a group's name", 297, "root"}, {"device", "a device number", 329, "0000001"}, {"tail", "bytes at the end of the header", 500, "x"},
	} {
		for _, at := range []int{0, 3} {
			g.header("header-"+c.name+"-"+word(outerNames[at]), outerNames[at]+" has "+c.about, at, func(h *[512]byte) { copy(h[c.off:], c.text) })
		}
	}
	g.outer(fault.Tampered, "checksum-spelling", "a checksum with spaces for zeros", func(m []member) []member {
		copy(m[1].header[148:], "  ")
		return m
	})
	for i, name := range outerNames {
		g.outer(fault.Tampered, "checksum-"+word(name), name+" has a wrong checksum", func(m []member) []member {
			m[i].header[153] ^= 1
			return m
		})
		g.outer(fault.Tampered, "padding-"+word(name), "the padding after "+name+" is not zero", func(m []member) []member {
			if n := len(m[i].pad); n > 0 {
				m[i].pad[n-1] = 1
				return m
			}
			return append(m, m[0])
		})
	}
}

func (g *generator) sizeFaults() {
	size := func(name, about string, class fault.Class, at int, n int64) {
		g.outer(class, "size-"+name, about, func(m []member) []member {
			h, err := tarball.Header(m[at].name, n)
			g.must(err)
			m[at].header = h
			return m
		})
	}
	size("zero", "SHA256SUMS states no bytes", fault.Tampered, 1, 0)
	size("block-more", "levels.tar.xz.age states 512 bytes more", fault.Tampered, 3, int64(2048))
	size("short", "tools.tar.xz.age states one block", fault.Tampered, 2, 512)
	size("beyond", "payload.tar.xz.age states more than the file has", fault.Truncated, 4, 1<<20)
	size("manifest-cap", "MANIFEST.json states more than its cap", fault.Tampered, 0, bundle.MaxManifest+1)
	size("sums-cap", "SHA256SUMS states more than its cap", fault.Tampered, 1, bundle.MaxSums+1)
	size("pieces-cap", "PIECES.json states more than its cap", fault.Tampered, 5, bundle.MaxPieces+1)
	size("signature-cap", "a signature states more than its cap", fault.Tampered, 6, bundle.MaxSignature+1)
	size("part-cap", "a part states more than its cap, in base-256", fault.Tampered, 4, bundle.MaxPart+1)
	size("base256", "a part states 16 GiB, in base-256", fault.Truncated, 4, 16<<30)
	g.header("size-base256-small", "a size that octal can hold is spelled in base-256", 2, func(h *[512]byte) { copy(h[124:], "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00") })
	g.header("size-negative", "a negative size in base-256", 2, func(h *[512]byte) { copy(h[124:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc\x00") })
	g.header("size-overflow", "a size of 2^63", 2, func(h *[512]byte) { copy(h[124:], "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00") })
	g.header("size-spaces", "a size with leading spaces", 1, func(h *[512]byte) { copy(h[124:], "       ") })
	g.header("size-decimal", "a size with the digit 9", 1, func(h *[512]byte) { h[134] = '9' })
}
