package bundle

// Caps of the format, in bytes unless said otherwise (docs/format.md, "Caps").
// A reader refuses what exceeds one before it allocates or reads further.
const (
	MaxManifest   = 1 << 20   // MANIFEST.json
	MaxPadding    = 4096      // spaces at the end of MANIFEST.json
	MaxSums       = 64 << 10  // SHA256SUMS
	MaxPieces     = 16 << 20  // PIECES.json
	MaxSignature  = 64 << 10  // one sig/NN.sig
	MaxSignatures = 32        // members sig/01.sig to sig/32.sig
	MaxPart       = 1 << 39   // one part as stored
	MaxBetween    = 256       // levels between start and end
	MaxTools      = 64        // tools inside
	MaxTool       = 256 << 20 // one tool
	MaxStatement  = 4096      // one statement
	MaxUnknown    = 64        // keys of MANIFEST.json that this version does not know
	MaxCritical   = 64        // keys listed as critical
	MaxRecipients = 1024      // what age reads

	MaxAdvisory     = 1 << 20   // one advisory
	MaxSummary      = 256 << 10 // its text
	MaxSecurity     = 1024      // its ids
	MaxSecurityID   = 64        // one of them
	MaxAdvisoryText = 16 << 20  // all advisories of a bundle

	MaxPlainTools   = 512 << 20 // tools.tar
	MaxPlainLevels  = 4 << 30   // levels.tar
	MaxPlainPayload = 1 << 42   // payload.tar

	PieceSize = 4 << 20 // bytes of a stored part that one piece digest covers
)
