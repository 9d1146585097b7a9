package vectorgen

import (
	"strings"

	"packlift/bundle"
	"packlift/bundle/xzpar"
	"packlift/internal/manifest"
)

func (g *generator) piecesFaults() {
	list := func(layer bundle.Layer, name, about string, edit func(p *bundle.Pieces)) {
		g.tampered(layer, name, "PIECES.json "+about, func(r *recipe) {
			r.pack[bundle.PayloadName] = func(b []byte) ([]byte, []bundle.Stream) { return g.streams(b[:512], b[512:1024], b[1024:]) }
			r.pieces = edit
		})
	}
	payload := func(p *bundle.Pieces) *bundle.PartPieces { return p.Part(bundle.PayloadName) }
	at := bundle.LayerPieces
	list(at, "piece-size", "states another piece size", func(p *bundle.Pieces) { p.PieceSize = 1 << 20 })
	list(at, "piece-size-zero", "states piece size 0", func(p *bundle.Pieces) { p.PieceSize = 0 })
	list(at, "digest-missing", "lacks a digest", func(p *bundle.Pieces) { payload(p).SHA256 = []manifest.Digest{} })
	list(at, "digest-more", "has a digest too many", func(p *bundle.Pieces) { payload(p).SHA256 = append(payload(p).SHA256, manifest.Digest{}) })
	list(at, "streams-empty", "has no streams", func(p *bundle.Pieces) { payload(p).Streams = []bundle.Stream{} })
	list(at, "streams-start", "has a first stream that begins later", func(p *bundle.Pieces) { payload(p).Streams = payload(p).Streams[1:] })
	list(at, "streams-order", "has streams out of order", func(p *bundle.Pieces) {
		s := payload(p).Streams
		s[1], s[2] = s[2], s[1]
	})
	list(at, "streams-twice", "has a stream twice", func(p *bundle.Pieces) { payload(p).Streams[2] = payload(p).Streams[1] })
	list(at, "streams-beyond", "has a stream beyond the part", func(p *bundle.Pieces) { payload(p).Streams[2].Offset = 1 << 30 })
	list(at, "streams-negative", "has a negative offset", func(p *bundle.Pieces) { payload(p).Streams[1].Offset = -1 })
	list(at, "streams-large", "has a stream over the cap", func(p *bundle.Pieces) {
		payload(p).Streams[2].Plain = payload(p).Streams[1].Plain + xzpar.MaxStream + 1
	})
	list(at, "streams-plain", "has a plain offset beyond the tar", func(p *bundle.Pieces) { payload(p).Streams[2].Plain = 1 << 20 })
	list(bundle.LayerDigest, "lie-piece", "states another digest of a piece", func(p *bundle.Pieces) { payload(p).SHA256[0][5] ^= 1 })
	list(bundle.LayerXZ, "streams-shifted", "has a stream that begins four bytes later", func(p *bundle.Pieces) { payload(p).Streams[1].Offset += 4 })
	list(bundle.LayerXZ, "streams-plain-shifted", "has a plain offset one byte later", func(p *bundle.Pieces) { payload(p).Streams[1].Plain++ })
	list(bundle.LayerXZ, "streams-fewer", "leaves a stream out", func(p *bundle.Pieces) { payload(p).Streams = payload(p).Streams[:2] })

	text := func(name, about string, edit func(s string) string) {
		g.tampered(at, name, "PIECES.json "+about, func(r *recipe) {
			r.pieceText = func(b []byte) []byte { return []byte(edit(string(b))) }
		})
	}
	text("space", "has a space inside", func(s string) string { return strings.Replace(s, ":", ": ", 1) })
	text("no-newline", "does not end in a newline", func(s string) string { return s[:len(s)-1] })
	text("trailing", "is followed by bytes", func(s string) string { return s + "{}" })
	text("unknown-key", "has an unknown key", func(s string) string { return strings.Replace(s, "{", `{"x":1,`, 1) })
	text("part-missing", "lacks a part", func(s string) string {
		i := strings.Index(s, `,"levels`)
		return s[:i] + s[strings.Index(s, `,"payload`):]
	})
	text("upper", "has an upper-case digest", func(s string) string {
		i := strings.Index(s, `["`) + 2
		return s[:i] + strings.ToUpper(s[i:i+64]) + s[i+64:]
	})
	text("cut", "is cut short", func(s string) string { return s[:len(s)/2] })
	text("array", "is an array", func(string) string { return "[]\n" })
}
