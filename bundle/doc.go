// Package bundle is the format of docs/format.md: what a .packlift file is
// made of, byte for byte. It takes bytes and gives bytes, and touches no file.
//
// It guarantees:
//
//   - one spelling: every structure it reads equals its own re-serialisation, so Marshal(Parse(x)) == x
//   - caps before use: every length and count from outside is held against a constant of this package first
//   - the outer layers are checked without looking into the members; nothing inside a part is decrypted
//     before the piece that holds it has its signed digest, nor decompressed before it is decrypted
//   - the same input gives the same plaintext bytes for any number of jobs
//
// It does not decide trust. Package verify checks signatures and digests, in
// order, and is what callers read bundles with; the functions here are its tools.
//
// Every fault that reading finds names its layer (LayerOf) and its class
// (package fault), with the member, offset or piece.
package bundle
