package vectorgen

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/ulikunitz/xz"

	"packlift/bundle"
)

// Marks around what docs/format.md shows of a vector.
const (
	exampleBegin = "<!-- example: begin (written by make vectors) -->\n"
	exampleEnd   = "<!-- example: end -->\n"
)

// example gives the listing of a bundle as stock tools print it.
func (g *generator) example(b []byte) string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format, args...) }
	outer := g.untar(b)
	line("```\n$ tar -tvf good-update.packlift\n%s$ xxd -l 512 good-update.packlift\n%s", listing(outer), hexDump(b[:512]))
	for _, e := range outer {
		if !strings.HasSuffix(e.name, ".age") {
			line("$ tar -xOf good-update.packlift %s\n%s", e.name, e.body)
		}
	}
	line("```\n\nInside the parts:\n\n```\n")
	shown := map[string]bool{bundle.StatementName("linux", "amd64"): true, bundle.LevelName(0): true, bundle.DifferenceName(0, 1): true, bundle.ContentsName(0, 1): true}
	for _, part := range outer {
		name, ok := strings.CutSuffix(part.name, ".xz.age")
		if !ok {
			continue
		}
		inner := g.untar(g.open(part.body))
		line("$ age -d -i identity.txt %s | xz -d | tar -tv\n%s", part.name, listing(inner))
		for _, e := range inner {
			if shown[e.name] {
				line("$ tar -xOf %s %s\n%s", name, e.name, e.body)
			}
		}
	}
	line("```\n")
	return out.String()
}

func (g *generator) untar(b []byte) []entry {
	var out []entry
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		g.must(err)
		body, err := io.ReadAll(r)
		g.must(err)
		out = append(out, entry{name: h.Name, body: string(body)})
	}
}

func (g *generator) open(part string) []byte {
	r, err := age.Decrypt(strings.NewReader(part), g.keys.identity)
	g.must(err)
	x, err := xz.NewReader(r)
	g.must(err)
	b, err := io.ReadAll(x)
	g.must(err)
	return b
}

func listing(entries []entry) string {
	var out strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&out, "-rw-r--r-- 0/0 %15d 1970-01-01 00:00 %s\n", len(e.body), e.name)
	}
	return out.String()
}

// hexDump prints as xxd does, a star for lines of zeros.
func hexDump(b []byte) string {
	var out strings.Builder
	star := false
	for i := 0; i < len(b); i += 16 {
		row := b[i : i+16]
		if bytes.Equal(row, make([]byte, 16)) {
			if !star {
				out.WriteString("*\n")
			}
			star = true
			continue
		}
		star = false
		fmt.Fprintf(&out, "%08x:", i)
		for n := 0; n < 16; n += 2 {
			fmt.Fprintf(&out, " %x", row[n:n+2])
		}
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '.'
			}
			return r
		}, string(row))
		fmt.Fprintf(&out, "  %s\n", text)
	}
	return out.String()
}
