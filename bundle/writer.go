package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"packlift/bundle/tarball"
	"packlift/bundle/xzpar"
	"packlift/internal/manifest"
)

// Destination takes a bundle as it is made. Each byte is written once, in
// rising order, but for MANIFEST.json, SHA256SUMS and the headers of the parts,
// which are filled in when what they state is known. It starts empty.
type Destination interface {
	io.WriterAt
}

// WriterOptions say what to write. Info comes without Format, ID, Parts and
// Recipients, which the writer fills in. MaxMemory bounds the compressors'
// buffers in bytes (0: 1 GiB) and lowers Jobs (0: one a core) where it must, but
// not below LeastWriteMemory. Progress, if not nil, hears of bytes of the plain
// tars that are compressed and written, one call at a time. ToolsCache, if not nil,
// keeps the packed streams of tools, which are the same in bundle after bundle.
type WriterOptions struct {
	Info       Info
	Recipients []age.Recipient
	Jobs       int
	MaxMemory  int64
	ToolsCache xzpar.Cache
	Progress   func(plain int64)
}

// LeastWriteMemory is what a Writer's buffers take with one job, in bytes.
const LeastWriteMemory = xzpar.LeastMemory

// Writer writes a bundle from front to back: Part for tools, levels and
// payload, each closed before the next, then Finish. Of the same input it
// makes the same plaintext bytes for any Jobs and MaxMemory.
type Writer struct {
	dst      Destination
	o        WriterOptions
	info     Info
	reserved int   // bytes of MANIFEST.json
	at       int64 // where the next outer byte goes
	parts    int
	current  *PartWriter
	sums     map[string]manifest.Digest
	pieces   Pieces
	err      error
}

// digits stands for sizes in the reserved MANIFEST.json: no size is longer.
const digits = MaxPart * 8

// NewWriter checks the options and reserves the front of dst.
func NewWriter(dst Destination, o WriterOptions) (*Writer, error) {
	if len(o.Recipients) == 0 || len(o.Recipients) > MaxRecipients {
		return nil, fmt.Errorf("bundle: %d recipients; it takes 1 to %d", len(o.Recipients), MaxRecipients)
	}
	w := &Writer{dst: dst, o: o, info: o.Info, sums: map[string]manifest.Digest{}}
	w.info.Format, w.info.Recipients = FormatVersion, len(o.Recipients)
	w.info.Created = w.info.Created.UTC()
	widest := w.info
	for _, name := range PartNames {
		*widest.part(name) = PartInfo{Blob{MaxPart, manifest.Digest{}}, Blob{1024, manifest.Digest{}}}
	}
	id, err := widest.DeriveID()
	if err != nil {
		return nil, err
	}
	widest.ID = id
	if err := widest.Check(); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", ManifestName, err)
	}
	for _, name := range PartNames {
		*widest.part(name) = PartInfo{Blob{digits, manifest.Digest{}}, Blob{digits, manifest.Digest{}}}
	}
	b, err := widest.Marshal(0)
	if err != nil {
		return nil, err
	}
	w.reserved = len(b)
	w.pieces.PieceSize = PieceSize
	w.at = w.sumsAt() + padded(int64(len(w.sumsBytes())))
	return w, nil
}

// padded is the room a member's content takes with its padding.
func padded(size int64) int64 { return size + tarball.Padding(size) }

// sumsAt is where the content of SHA256SUMS goes.
func (w *Writer) sumsAt() int64 {
	return 2*tarball.BlockSize + padded(int64(w.reserved))
}

var summedNames = []string{ManifestName, ToolsName, LevelsName, PayloadName, PiecesName}

func (w *Writer) sumsBytes() []byte { return MarshalSums(summedNames, w.sums) }

// Part begins the next part, which must be this one: ToolsName, LevelsName or
// PayloadName, in this order.
func (w *Writer) Part(name string) (*PartWriter, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.current != nil || w.parts >= len(PartNames) || PartNames[w.parts] != name {
		return nil, fmt.Errorf("bundle: %s is out of turn", name)
	}
	p, err := newPartWriter(w, name)
	if err != nil {
		w.err = err
		return nil, err
	}
	w.current = p
	return p, nil
}

// Abort ends what still runs, for a writer that is given up. After Finish, or
// called again, it does nothing.
func (w *Writer) Abort() {
	if w.err == nil {
		w.err = errors.New("bundle: the writer was given up")
	}
	if w.current != nil {
		w.current.abort()
		w.current = nil
	}
}

// Finish writes PIECES.json, fills in the front, has sign make 1 to
// MaxSignatures armoured signatures over SHA256SUMS, and writes them and the
// end. The caller makes dst durable.
func (w *Writer) Finish(sign func(sums []byte) ([][]byte, error)) (*Info, error) {
	if w.err == nil && (w.parts != len(PartNames) || w.current != nil) {
		w.err = errors.New("bundle: not every part was written")
	}
	if w.err == nil {
		w.err = w.finish(sign)
	}
	if w.err != nil {
		return nil, w.err
	}
	w.err = errors.New("bundle: the writer is finished")
	info := w.info
	return &info, nil
}

func (w *Writer) finish(sign func(sums []byte) ([][]byte, error)) error {
	b, err := w.pieces.Marshal()
	if err != nil {
		return err
	}
	if err := w.small(PiecesName, b); err != nil {
		return err
	}
	if err := w.front(); err != nil {
		return err
	}
	sigs, err := sign(w.sumsBytes())
	if err != nil {
		return err
	}
	return w.signatures(sigs)
}

// small appends a whole member.
func (w *Writer) small(name string, b []byte) error {
	w.sums[name] = manifest.Sum(b)
	if err := w.member(w.at, name, b); err != nil {
		return err
	}
	w.at += tarball.BlockSize + padded(int64(len(b)))
	return nil
}

// member writes header, content and padding at off.
func (w *Writer) member(off int64, name string, b []byte) error {
	out, err := member(name, b)
	if err != nil {
		return err
	}
	return w.writeAt(out, off)
}

func member(name string, b []byte) ([]byte, error) {
	h, err := tarball.Header(name, int64(len(b)))
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{h[:], b, make([]byte, tarball.Padding(int64(len(b))))}, nil), nil
}

func (w *Writer) writeAt(b []byte, off int64) error {
	_, err := w.dst.WriteAt(b, off)
	return err
}

// front fills in MANIFEST.json and SHA256SUMS.
func (w *Writer) front() error {
	id, err := w.info.DeriveID()
	if err != nil {
		return err
	}
	w.info.ID = id
	if err := w.info.Check(); err != nil {
		return fmt.Errorf("bundle: %s: %w", ManifestName, err)
	}
	b, err := w.info.Marshal(w.reserved)
	if err != nil {
		return err
	}
	w.sums[ManifestName] = manifest.Sum(b)
	if err := w.member(0, ManifestName, b); err != nil {
		return err
	}
	return w.member(w.sumsAt()-tarball.BlockSize, SumsName, w.sumsBytes())
}

func (w *Writer) signatures(sigs [][]byte) error {
	b, err := tail(sigs)
	if err != nil {
		return err
	}
	return w.writeAt(b, w.at)
}

// tail gives the signature members and the two zero blocks.
func tail(sigs [][]byte) ([]byte, error) {
	if len(sigs) == 0 || len(sigs) > MaxSignatures {
		return nil, fmt.Errorf("bundle: %d signatures; it takes 1 to %d", len(sigs), MaxSignatures)
	}
	var out []byte
	for n, sig := range sigs {
		if len(sig) == 0 || len(sig) > MaxSignature {
			return nil, fmt.Errorf("bundle: a signature has %d bytes; it takes 1 to %d", len(sig), MaxSignature)
		}
		b, err := member(SignatureName(n+1), sig)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return append(out, make([]byte, tarball.Trailer)...), nil
}
