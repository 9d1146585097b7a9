package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"

	"packlift/bundle/xzpar"
	"packlift/internal/manifest"
)

// Stream is where an xz stream of a part begins: Offset in the xz bytes, Plain
// in the tar.
type Stream = xzpar.Stream

// PartPieces are a part's piece digests, one for every PieceSize stored bytes
// and one for the rest, and its stream table.
type PartPieces struct {
	SHA256  []manifest.Digest `json:"sha256"`
	Streams []Stream          `json:"streams"`
}

// Pieces is PIECES.json.
type Pieces struct {
	PieceSize int64 `json:"piece_size"`
	Parts     struct {
		Tools   PartPieces `json:"tools.tar.xz.age"`
		Levels  PartPieces `json:"levels.tar.xz.age"`
		Payload PartPieces `json:"payload.tar.xz.age"`
	} `json:"parts"`
}

// Part gives the pieces of a part by its member name.
func (p *Pieces) Part(name string) *PartPieces {
	switch name {
	case ToolsName:
		return &p.Parts.Tools
	case LevelsName:
		return &p.Parts.Levels
	}
	return &p.Parts.Payload
}

// Marshal gives the canonical form: compact JSON and a newline.
func (p *Pieces) Marshal() ([]byte, error) {
	b, err := compact(p)
	if err != nil {
		return nil, err
	}
	if len(b)+1 > MaxPieces {
		return nil, fmt.Errorf("%s: %d bytes, the most is %d", PiecesName, len(b)+1, MaxPieces)
	}
	return append(b, '\n'), nil
}

// PieceCount is the number of pieces of a part of this size in bytes.
func PieceCount(size int64) int { return int((size + PieceSize - 1) / PieceSize) }

// ParsePieces reads PIECES.json and holds it against the sizes of the parts.
// Faults are Tampered, of LayerPieces.
func ParsePieces(b []byte, l *Layout) (*Pieces, error) {
	p, err := parsePieces(b, l)
	if err != nil {
		return nil, damaged(LayerPieces, PiecesName, err)
	}
	return p, nil
}

func parsePieces(b []byte, l *Layout) (*Pieces, error) {
	if len(b) > MaxPieces {
		return nil, fmt.Errorf("has %d bytes, the most is %d", len(b), MaxPieces)
	}
	p := &Pieces{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, err
	}
	if p.PieceSize != PieceSize {
		return nil, fmt.Errorf("piece_size is %d, not %d", p.PieceSize, PieceSize)
	}
	if again, err := p.Marshal(); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("is not in canonical form")
	}
	for _, name := range PartNames {
		m, ok := l.Find(name)
		if !ok {
			return nil, fmt.Errorf("%s is missing", name)
		}
		if err := p.Part(name).check(m.Size, maxPlain(name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// check holds the lists against the stored size; the ends of the last stream
// are known only once the part is decrypted (OpenPart).
func (p *PartPieces) check(size, plain int64) error {
	if len(p.SHA256) != PieceCount(size) {
		return fmt.Errorf("%d piece digests for %d bytes, want %d", len(p.SHA256), size, PieceCount(size))
	}
	if len(p.Streams) == 0 || p.Streams[0] != (Stream{}) {
		return fmt.Errorf("stream table does not begin at 0")
	}
	last := p.Streams[0]
	for n, s := range p.Streams[1:] {
		if s.Offset <= last.Offset || s.Offset >= size || s.Plain <= last.Plain || s.Plain >= plain {
			return fmt.Errorf("stream %d at %d, %d does not rise or leaves the part", n+1, s.Offset, s.Plain)
		}
		if s.Plain-last.Plain > xzpar.MaxStream {
			return fmt.Errorf("stream %d has %d plain bytes, the most is %d", n, s.Plain-last.Plain, xzpar.MaxStream)
		}
		last = s
	}
	return nil
}
