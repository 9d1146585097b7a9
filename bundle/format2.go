//go:build format2

package bundle

// FormatVersion is 2 in test builds that stand for a later tool. Format 2 of
// such a build is format 1 under another number.
const FormatVersion = 2
