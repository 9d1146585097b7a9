// Package inflate unpacks deflate streams (RFC 1951) from one buffer into another, both
// of them whole, which takes half the time that a stream reader takes.
//
// It is stricter than it need be: what it refuses compress/flate may still take, so a
// caller asks that one then. What it unpacks compress/flate unpacks to the same bytes.
// It allocates nothing but its Decoder, never writes beyond the size that is
// asked for, and is memory-safe for any input.
package inflate
