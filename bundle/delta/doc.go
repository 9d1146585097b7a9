// Package delta makes a content from old ones, its bases. It looks into zip and
// gzip files: entries whose packed bytes stand in a base are copied from there,
// others are told from an old entry's inflated bytes and deflated again by the
// settings that give the very same bytes. docs/deltas.md is the
// specification.
//
// Make never returns a delta that it has not applied: what does not come out
// the same byte by byte is made in a plainer form, in the end as plain bytes.
//
// Apply writes to one io.Writer, front to back, reads bases at any place, and
// needs one pass over the delta. It never writes more than the stated size, and
// compares size and SHA-256 at the end; bytes that it wrote before an error are
// not to be used. It holds at most MaxMemory for old contents and entries, and
// one segment (streams.MaxSegment) and 8 MiB of entries that are deflated ahead beside.
package delta

import (
	"io"

	"packlift/bundle/delta/streams"
)

// Blob is a content that can be read. Apply trusts that a base has the digest
// that the recipe names; another one gives a wrong result, which it refuses.
type Blob struct {
	Content
	Data io.ReaderAt
}

// Delta is a content told from others.
type Delta struct {
	Recipe
	Segments []streams.Segment
}

// Size is the number of bytes of all segments.
func (d *Delta) Size() int64 {
	n := int64(0)
	for i := range d.Segments {
		n += int64(d.Segments[i].Size())
	}
	return n
}

// Apply writes the result of d.
func (d *Delta) Apply(w io.Writer, bases []io.ReaderAt) error {
	i := 0
	return Apply(w, d.Recipe, func() (streams.Segment, error) {
		if i == len(d.Segments) {
			return streams.Segment{}, io.EOF
		}
		i++
		return d.Segments[i-1], nil
	}, bases)
}

// Forms of a node: how a content is told.
const (
	formRaw  = iota // as itself
	formDiff        // as a difference of items
	formZip         // as a zip file
	formGzip        // as a gzip file
	formCode        // as a difference of two executables
	forms
)

// Modes of an entry: how its data is told. From modeDeflate on the number of
// the settings is added.
const (
	modeTwin    = iota // as it stands in the twin
	modeItem           // as it stands in another item
	modePlain          // a node, as it is
	modeOpaque         // a node, packed already in a way that is not known
	modeDeflate        // a node, deflated
)

const maxSources = 8 // items that one difference is of
