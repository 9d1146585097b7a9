// Package export makes bundles: scan, diff, encode, write, sign, verify what
// was written, publish.
//
// Guarantees:
//
//   - a run that fails or is interrupted leaves nothing under the bundle's final name and no temporary file;
//     an older bundle of that name is replaced in one step, with its sidecar <bundle>.sha256
//   - only contents that the step needs travel, each once; each file's SHA-256 is checked against the scan while it
//     is read for the bundle, so a tree that changes meanwhile is an error and never a wrong bundle
//   - before it is published the bundle is opened and verified as a site would do it: under the given trust set, or
//     under one of the signing keys alone
//   - the same trees, tools, keys' number, levels and dates give the same plaintext bytes, whatever the number of jobs
//   - nothing of the pack's keeper travels: updates/** and bin/packlift-import* stay out of every product
//
// Refused by name: devices, sockets, fifos, setuid and setgid files, names that cannot be made on every platform, links that
// leave the tree. Archives are held to the same rules as folders. A tree has at most manifest.MaxEntries entries; a bundle
// has at most bundle.MaxTools tools of at most bundle.MaxTool bytes.
package export
