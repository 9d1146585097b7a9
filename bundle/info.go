package bundle

import (
	"encoding/json"
	"time"

	"packlift/internal/manifest"
)

// Kind says what a bundle is for.
type Kind string

// The kinds.
const (
	Full   Kind = "full"
	Update Kind = "update"
	Hotfix Kind = "hotfix"
)

// Blob is the size in bytes and the digest of a sequence of bytes.
type Blob struct {
	Size   int64           `json:"size"`
	SHA256 manifest.Digest `json:"sha256"`
}

// PartInfo describes a part: Stored as the outer member is, Plain as the tar inside.
type PartInfo struct {
	Stored Blob `json:"stored"`
	Plain  Blob `json:"plain"`
}

// Parts describes the three parts.
type Parts struct {
	Tools   PartInfo `json:"tools"`
	Levels  PartInfo `json:"levels"`
	Payload PartInfo `json:"payload"`
}

// Tool is one importer inside the bundle.
type Tool struct {
	OS      string          `json:"os"`
	Arch    string          `json:"arch"`
	Version string          `json:"version"`
	Size    int64           `json:"size"`
	SHA256  manifest.Digest `json:"sha256"`
}

// Stop is a level at which a site can stand or stop, and the digest of its manifest.
type Stop struct {
	Level    int             `json:"level"`
	Manifest manifest.Digest `json:"manifest"`
}

// Info is MANIFEST.json: what a bundle says of itself in clear text.
type Info struct {
	Format                int
	ID                    string // 32 hex digits, derived from everything else but the stored sizes and digests
	Product, Version      string
	Kind                  Kind
	Channel               string
	Start, End            int    // levels
	Between               []Stop // of an update: further stops, ascending
	Sequence, MinSequence manifest.Sequence
	MinimumTool           string
	Created               time.Time // UTC, whole seconds
	BestBefore            time.Time // zero: none
	Tools                 []Tool    // sorted by OS, then Arch
	Recipients            int
	Parts                 Parts
	TrustSet              string          // fingerprint, SHA256:…; empty if none was given
	BaseManifest          manifest.Digest // zero for a full bundle
	TargetManifest        manifest.Digest
	Critical              []string                   // sorted keys that a reader must know
	Unknown               map[string]json.RawMessage // keys that this version does not know
}

// Stops lists the levels that the bundle carries whole, ascending: start, those
// between, end. A full bundle has its end alone, a hotfix its one level twice.
func (i *Info) Stops() []Stop {
	var out []Stop
	if i.Kind != Full {
		out = append(out, Stop{i.Start, i.BaseManifest})
	}
	return append(append(out, i.Between...), Stop{i.End, i.TargetManifest})
}

// Part gives the description of a part by its member name.
func (i *Info) Part(name string) PartInfo { return *i.part(name) }

func (i *Info) part(name string) *PartInfo {
	switch name {
	case ToolsName:
		return &i.Parts.Tools
	case LevelsName:
		return &i.Parts.Levels
	}
	return &i.Parts.Payload
}

// Frozen is what stays readable in every later format.
type Frozen struct {
	Format      int
	Product     string
	MinimumTool string
	Created     time.Time
	Tools       []Tool
}
