// Package verify decides trust. It is the only maker of a *Bundle, and a
// *Bundle is what everything that acts on a bundle needs.
//
// What Open guarantees of the *Bundle it returns:
//
//   - the outer container is canonical and whole
//   - enough distinct, unrevoked keys of the trust set signed SHA256SUMS under packlift-bundle@v1, each inside its
//     validity window at the bundle's signed creation time; the product is one that the trust set speaks for
//   - each other member has the digest that SHA256SUMS states, each part also the size and piece digests
//
// No member is looked into before the signatures over SHA256SUMS satisfy the
// policy; parts of one piece are hashed meanwhile, with no more than their place
// known. What is decrypted later (Tool, Levels, Payload) is read through the piece
// digests that Open computed, so bytes that change after Open are never used.
//
// Limits: the package does no file-system work of its own (readers in, values
// out); it does not know the pack, so product, level range and the floor
// against rollback are the caller's to check; it reads a clock only from Options.Now.
// A zero Bundle, TrustSet or Tool is refused by every method.
package verify
