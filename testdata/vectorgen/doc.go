// Package vectorgen makes testdata/vectors: small bundles, good ones and one
// fault a file, and vectors.json, which says for each what must refuse it.
//
// The result is the same bytes each time: keys come from testdata/keys, and the
// randomness of encryption from testing/cryptotest, which is why this runs as
// a test:
//
//	go test ./testdata/vectorgen          compares the vectors with what would be written
//	go test ./testdata/vectorgen -write   writes them
//
// Faults that lie beneath a digest or a signature are digested and signed anew
// with the test keys, so that the layer named is the one that refuses.
package vectorgen
