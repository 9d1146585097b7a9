// Package bytediff makes and applies differences of one content against an old
// one, as Colin Percival's bsdiff does: long pieces of old are copied though
// some of their bytes differ, and the differences, mostly zero, are kept apart.
//
// A difference is a row of steps until the stated size is reached. Each step is
// three numbers in streams.Control:
//
//	seek    signed: from the end of the last copy to where this one begins
//	copy    at most MaxPiece bytes of old
//	insert  at most MaxPiece new bytes, from streams.Extra
//
// and for each copied byte what is to be added to it, modulo 256, in
// streams.Diff: a byte that is not zero as itself, a run of n zeros as a zero
// and the number n-1. Runs end where the copy ends. Before each step is a mark.
//
// Making holds old, new and four bytes for each of old; what exceeds the budget
// is matched by long equal runs first, and only what is left between them by
// its suffixes. Applying holds one piece.
package bytediff

// MaxPiece is the most that one step copies or inserts, in bytes.
const MaxPiece = 1 << 20
