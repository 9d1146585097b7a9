package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

type head struct {
	Manifest int    `json:"manifest"`
	Product  string `json:"product"`
	Version  string `json:"version"`
	Level    int    `json:"level"`
	Count    int    `json:"count"`
}

// WriteTo writes the canonical form.
func (m *Manifest) WriteTo(w io.Writer) (int64, error) {
	p := newListWriter(w, head{1, m.Product, m.Version, m.Level, len(m.Entries)}, "entries")
	for i := range m.Entries {
		p.entry(&m.Entries[i])
	}
	return p.close()
}

// Marshal gives the canonical form of m.
func (m *Manifest) Marshal() []byte {
	var b bytes.Buffer
	m.WriteTo(&b)
	return b.Bytes()
}

// Digest is the SHA-256 of the canonical form: the manifest's name.
func (m *Manifest) Digest() Digest {
	h := sha256.New()
	m.WriteTo(h)
	return Digest(h.Sum(nil))
}

// Parse reads one canonical manifest up to the end of r. It holds at most one
// line beyond the entries themselves, and stops at the first fault.
func Parse(r io.Reader) (*Manifest, error) {
	var h head
	p := newListReader(r, "manifest", "entries")
	p.head(&h, func() int { return h.Count })
	if p.err == nil && h.Manifest != 1 {
		p.err = fmt.Errorf("manifest: version %d is unknown", h.Manifest)
	}
	m := &Manifest{Product: h.Product, Version: h.Version, Level: h.Level}
	if p.err == nil {
		p.err = m.checkHead()
	}
	c := newChecker()
	for l := range p.lines {
		e, err := l.entry()
		if err == nil {
			err = c.add(&e)
		}
		if err != nil {
			return nil, err
		}
		m.Entries = append(m.Entries, e)
	}
	if p.err != nil {
		return nil, p.err
	}
	return m, nil
}

// listWriter writes a JSON object whose last key is a list with one item a line.
type listWriter struct {
	w     *bufio.Writer
	n     int64
	items int
	line  []byte
	err   error
}

func newListWriter(w io.Writer, head any, list string) *listWriter {
	p := &listWriter{w: bufio.NewWriter(w)}
	b := compact(head)
	p.put(b[:len(b)-1])
	p.put([]byte(`,"` + list + `":[`))
	return p
}

func (p *listWriter) put(b []byte) {
	if p.err == nil {
		var n int
		n, p.err = p.w.Write(b)
		p.n += int64(n)
	}
}

func (p *listWriter) item(v any) { p.put(append(p.between(), compact(v)...)) }

// entry is item for the line of an entry.
func (p *listWriter) entry(e *Entry) {
	p.line = appendLine(append(p.line[:0], p.between()...), toLine(e))
	p.put(p.line)
}

// between is what stands before the next item.
func (p *listWriter) between() []byte {
	if p.items++; p.items > 1 {
		return []byte(",\n")
	}
	return []byte("\n")
}

func (p *listWriter) close() (int64, error) {
	p.put([]byte("\n]}\n"))
	if p.err == nil {
		p.err = p.w.Flush()
	}
	return p.n, p.err
}

// compact marshals without the HTML escapes that encoding/json adds by default.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("manifest: cannot marshal: " + err.Error()) // only plain structs come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// listReader reads what listWriter wrote, byte for byte, and nothing else.
type listReader struct {
	r          *bufio.Reader
	what, list string
	count      int
	err        error
}

func newListReader(r io.Reader, what, list string) *listReader {
	return &listReader{r: bufio.NewReaderSize(r, MaxLine), what: what, list: list}
}

func (p *listReader) line() []byte {
	if p.err != nil {
		return nil
	}
	b, err := p.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		p.err = fmt.Errorf("%s: a line is longer than %d bytes", p.what, MaxLine)
	case errors.Is(err, io.EOF):
		p.err = fmt.Errorf("%s: %w", p.what, io.ErrUnexpectedEOF)
	case err != nil:
		p.err = fmt.Errorf("%s: %w", p.what, err)
	default:
		return b[:len(b)-1]
	}
	return nil
}

func (p *listReader) head(h any, count func() int) {
	b := p.line()
	if p.err != nil {
		return
	}
	end := []byte(`,"` + p.list + `":[`)
	body, ok := bytes.CutSuffix(b, end)
	if !ok {
		p.err = fmt.Errorf("%s: first line does not end in %s", p.what, end)
		return
	}
	p.decode(append(bytes.Clone(body), '}'), h)
	if p.count = count(); p.err == nil && (p.count < 0 || p.count > MaxEntries) {
		p.err = fmt.Errorf("%s: %d items, the most is %d", p.what, p.count, MaxEntries)
	}
}

// decode fails unless b is the canonical spelling of what it decodes to.
func (p *listReader) decode(b []byte, v any) {
	if p.err != nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		p.err = fmt.Errorf("%s: %w", p.what, err)
	} else if !bytes.Equal(compact(v), b) {
		p.err = fmt.Errorf("%s: line %.120q is not in canonical form", p.what, b)
	}
}

// items yields the bytes of each item; after it, err tells whether the list was whole.
func (p *listReader) items(yield func([]byte) bool) {
	for i := 0; i < p.count && p.err == nil; i++ {
		b := p.line()
		if i < p.count-1 {
			var ok bool
			if b, ok = bytes.CutSuffix(b, []byte{','}); !ok && p.err == nil {
				p.err = fmt.Errorf("%s: fewer items than the count says", p.what)
			}
		}
		if p.err == nil && !yield(b) {
			return
		}
	}
	p.end()
}

// lines is items for those of a manifest.
func (p *listReader) lines(yield func(*line) bool) {
	var canonical []byte
	for b := range p.items {
		l := &line{}
		if err := json.Unmarshal(b, l); err != nil {
			p.err = fmt.Errorf("%s: %w", p.what, err)
			return
		}
		e, err := l.entry()
		if err != nil {
			p.err = fmt.Errorf("%s: %w", p.what, err)
			return
		}
		want := line{Path: l.Path, Type: absent}
		if l.Type != absent {
			want = toLine(&e)
		}
		if canonical = appendLine(canonical[:0], want); !bytes.Equal(canonical, b) {
			p.err = p.notCanonical(b, l)
			return
		}
		if !yield(l) {
			return
		}
	}
}

// notCanonical tells another spelling of a line from one that has a field missing
// or one too many for its type.
func (p *listReader) notCanonical(b []byte, l *line) error {
	if !bytes.Equal(compact(l), b) {
		return fmt.Errorf("%s: line %.120q is not in canonical form", p.what, b)
	}
	return fmt.Errorf("%s: fields of %q do not fit its type", p.what, l.Path)
}

func (p *listReader) end() {
	if b := p.line(); p.err == nil && string(b) != "]}" {
		p.err = fmt.Errorf("%s: more items than the count says, or no end", p.what)
	}
	if p.err != nil {
		return
	}
	if _, err := p.r.ReadByte(); err == nil {
		p.err = fmt.Errorf("%s: bytes follow the end", p.what)
	} else if !errors.Is(err, io.EOF) {
		p.err = fmt.Errorf("%s: %w", p.what, err)
	}
}
