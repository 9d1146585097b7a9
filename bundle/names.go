package bundle

import (
	"fmt"
	"strings"

	"packlift/internal/manifest"
)

// The outer members, in their order; sig/01.sig to sig/32.sig follow.
const (
	ManifestName = "MANIFEST.json"
	SumsName     = "SHA256SUMS"
	ToolsName    = "tools.tar.xz.age"
	LevelsName   = "levels.tar.xz.age"
	PayloadName  = "payload.tar.xz.age"
	PiecesName   = "PIECES.json"
)

// PartNames are the three encrypted parts in their order.
var PartNames = [3]string{ToolsName, LevelsName, PayloadName}

// fixedNames are the members before the signatures.
var fixedNames = [6]string{ManifestName, SumsName, ToolsName, LevelsName, PayloadName, PiecesName}

// maxMember is the cap on a member by name, in bytes.
func maxMember(name string) int64 {
	switch name {
	case ManifestName:
		return MaxManifest
	case SumsName:
		return MaxSums
	case PiecesName:
		return MaxPieces
	case ToolsName, LevelsName, PayloadName:
		return MaxPart
	}
	return MaxSignature
}

// maxPlain is the cap on a part's plain tar by the part's name, in bytes.
func maxPlain(name string) int64 {
	switch name {
	case ToolsName:
		return MaxPlainTools
	case LevelsName:
		return MaxPlainLevels
	}
	return MaxPlainPayload
}

// SignatureName is the name of the n-th signature member, n from 1 to MaxSignatures.
func SignatureName(n int) string { return fmt.Sprintf("sig/%02d.sig", n) }

// FileName is how a bundle is called: wso2am-4.2.0-0003-0010.packlift.
func FileName(product, version string, start, end int) string {
	return fmt.Sprintf("%s-%s-%04d-%04d.packlift", product, version, start, end)
}

// HotfixFileName is how a hotfix on a level is called: wso2am-4.2.0-0003-hf-1.packlift.
func HotfixFileName(product, version string, level, hotfix int) string {
	return fmt.Sprintf("%s-%s-%04d-hf-%d.packlift", product, version, level, hotfix)
}

// ToolName is how a tool for a platform is called in tools.tar:
// packlift-import_linux_amd64, with .exe for windows.
func ToolName(goos, goarch string) string {
	name := "packlift-import_" + goos + "_" + goarch
	if goos == "windows" {
		name += ".exe"
	}
	return name
}

// StatementName is the name of a tool's statement, StatementSigName of its n-th
// signature (n from 1 to MaxSignatures).
func StatementName(goos, goarch string) string { return ToolName(goos, goarch) + ".statement" }

// StatementSigName is the name of the n-th signature over a tool's statement.
func StatementSigName(goos, goarch string, n int) string {
	return fmt.Sprintf("%s.%02d.sig", ToolName(goos, goarch), n)
}

// LevelName is the name of a whole manifest in levels.tar.
func LevelName(level int) string { return fmt.Sprintf("manifest/%04d.json", level) }

// DifferenceName is the name of a manifest given as the difference from an earlier one.
func DifferenceName(from, to int) string { return fmt.Sprintf("difference/%04d-%04d.json", from, to) }

// ChangelogName is the name of the changelog text of a step.
func ChangelogName(from, to int) string { return fmt.Sprintf("changelog/%04d-%04d.md", from, to) }

// ContentsName is the name of the list of what the payload holds.
func ContentsName(from, to int) string { return fmt.Sprintf("contents/%04d-%04d.json", from, to) }

// AdvisoryName is the name of what a published level says of itself.
func AdvisoryName(level int) string { return fmt.Sprintf("advisory/%04d.json", level) }

// BlobName is the name of a whole content in payload.tar.
func BlobName(d manifest.Digest) string { return blobPrefix + d.String() }

// DeltaName is the name of a content in payload.tar that is told from others.
func DeltaName(d manifest.Digest) string { return deltaPrefix + d.String() }

// PayloadEntry is the name of a content in payload.tar.
func PayloadEntry(c *manifest.Content) string {
	if c.Delta {
		return DeltaName(c.SHA256)
	}
	return BlobName(c.SHA256)
}

const (
	blobPrefix  = "blob/"
	deltaPrefix = "delta/"
)

// CheckPayloadName refuses what cannot be a name in payload.tar.
func CheckPayloadName(name string) error {
	for _, prefix := range []string{blobPrefix, deltaPrefix} {
		if hex, ok := strings.CutPrefix(name, prefix); ok {
			if _, err := manifest.ParseDigest(hex); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%q is not blob/<sha256> or delta/<sha256>", name)
}
