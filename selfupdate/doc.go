// Package selfupdate replaces a pack's importer by the one in a verified bundle
// when the bundle asks for a newer one, and starts it.
//
// Guarantees:
//
//   - the new tool is one whose statement the trust set accepts for tools; its bytes have the stated digest, it starts on
//     this machine, and it says the stated version and platform, all before the old one is touched
//   - never to a tool older than the running one, nor to one that would still be too old for the bundle
//   - what lies in the pack's bin is started only if its digest is the stated one: a file there that claims to be newer is
//     replaced like any other, and kept as packlift-import.old
//   - a run as root stops where others may write to the pack's folder or its bin; other runs warn
//   - at every instant the pack's bin holds a working tool: the old one is linked as packlift-import.old, then the
//     new one renamed over it. Windows cannot replace a running file; there the old one is renamed aside first, and put
//     back if the second rename fails
//   - a tool that runs from outside the pack stays as it is: the new one goes into the pack's bin and runs from there
//   - a guard in the environment ends a chain of tools that are all too old
//
// The caller holds the pack's lock and has checked product, level and floor; it gives the lock back before Rerun.
package selfupdate
