// Package zipfile takes zip files (jar, war, aar, car, …) and gzip files apart
// so that they can be rebuilt to the very byte.
//
// Parse finds the entries of a zip file by its central directory and every byte
// that is not an entry's data: local headers, data descriptors, gaps (a script
// before the first entry, say), the central directory, its end. It never
// guesses: a file that does not come out whole and in order (entries that
// overlap, lengths that lie, several disks) is refused with ErrForm, and is
// then no container but plain bytes.
//
// PutLocals, PutCentral and their counterparts write and read these frames by
// column, each value as its difference from what is expected: from an old
// entry (its twin), the entry before, or from the entry's content. Whatever is
// unusual in a header is thus kept, at a price, and nothing needs an exception.
//
// Level finds the zlib settings that reproduce an entry's packed bytes.
//
// Limits: MaxEntries entries, MaxStrings bytes of names, extra fields and
// comments. An Entry takes about EntryMemory bytes beside its strings.
package zipfile

import "errors"

// Limits of one zip file.
const (
	MaxEntries  = 1 << 17
	MaxStrings  = 12 << 20
	EntryMemory = 320
)

// ErrForm means that a file is not of a form that this package takes apart.
var ErrForm = errors.New("zip: not of a form that can be taken apart")
