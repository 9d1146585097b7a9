// Package depot keeps published levels of a product as plain files, which any
// HTTP server, a mirror or a folder serves (docs/depot.md).
//
//	NAME-VERSION/index.json                what is published: the commit point
//	NAME-VERSION/signatures/DIGEST.NN.sig  signatures over the index of that digest
//	NAME-VERSION/manifest/DIGEST.json.xz   level manifests
//	NAME-VERSION/objects/DIGEST.json.xz    what files a level's contents and deltas lie in
//	NAME-VERSION/advisory/DIGEST.json      what a level says of itself
//	NAME-VERSION/blob/XX/DIGEST.xz         contents
//	NAME-VERSION/delta/XX/DIGEST.xz        what tells a content from others
//	NAME-VERSION/tools/DIGEST/…            tools with their signed statements
//	NAME-VERSION/lock                      of the publisher at work
//
// It guarantees:
//
//   - nothing of the index is parsed before enough known keys signed it, nothing of another
//     file before its size and digest are those that the index, or a list it names, states
//   - an index with a lower serial number than one seen before, or another one with the
//     same number, is refused (Seen)
//   - every file but index.json and lock has a name that says its content, so that it is
//     written once and never changed: a reader sees the old index whole or the new one whole
//   - the index is replaced last, atomically and durably; whoever is killed before leaves
//     files that nobody needs, and Prune removes them
//   - one publisher at a time holds the lock
//
// Limits: an index has at most MaxIndex bytes, a list or manifest MaxList, plain.
package depot
