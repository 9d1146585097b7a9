// Package keys reads and makes keys: age recipients and identities, which
// encrypt and decrypt, and SSH signers, which sign.
//
// It guarantees:
//
//   - key files come as bytes and are capped at MaxKeyFile; this package opens none
//   - nothing is asked for until it is needed: passphrases come from the caller's functions, once for each secret
//   - no error text holds a secret, nor a line that might be one
//
// Limits: plugins (age1NAME1…, AGE-PLUGIN-NAME-…) run the program age-plugin-NAME
// from PATH; agents are reached at the socket that the caller names. The kinds
// of SSH key that may sign are judged by package sshsig, not here.
package keys

// MaxKeyFile caps a file of recipients, identities or one private key, in bytes.
const MaxKeyFile = 1 << 20

// maxLine caps a line of such a file; a hybrid recipient has about 2 000 characters.
const maxLine = 16 << 10

// maxKeys caps the recipients or identities of one run.
const maxKeys = 1024
