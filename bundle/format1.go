//go:build !format2

package bundle

// FormatVersion is the newest format that this build writes and reads; it
// reads every earlier one too.
const FormatVersion = 1
