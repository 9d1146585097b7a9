// Package merge brings two versions of a text together, line by line, that were
// both made from a third one.
//
// What it promises:
//
//   - nothing is guessed: where both sides changed the same lines, or lines that
//     touch, in different ways, Text says conflict and gives no result
//   - no line is lost: each line of the result stands in one of the sides, and a line
//     that a side added or took away is added or taken away in the result
//   - the order of the two sides does not matter
//   - a file stays what it is: CRLF or LF, a byte order mark, UTF-8, UTF-16 or an
//     8-bit encoding, and a missing last newline are kept; of each of them the one
//     side that changed it decides
//   - what is not safely text is no text: see Kind
//
// Limits: a text has at most MaxText bytes. Memory is some 60 bytes a line, and time is
// bounded whatever the input: a comparison that would take too long becomes coarser,
// which makes more conflicts, never wrong results.
package merge

// MaxText is the most bytes of a text that is merged.
const MaxText = 1 << 20
