// Package deflate writes deflate streams (RFC 1951) that are, bit for bit, those
// of zlib's deflate with window bits 15, the default strategy and no flushes.
//
// It is a port of deflate.c and trees.c of zlib (Jean-loup Gailly, Mark
// Adler; zlib licence), altered: only the levels 1 to 9, no dictionaries, no
// flushes. Go's own compress/flate chooses other matches and never gives the
// same bytes. The output does not depend on how the input is cut into writes; it
// is what zlib gives for all of it at once. Pack has several cores give the same.
// A Writer takes about 450 KiB, and 384 more where its input repeats much. It is memory-safe for any input.
package deflate
