package bundle_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/bundle/tarball"
	"packlift/bundle/xzpar"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/safepath"
	"packlift/internal/sigfiles"
	"packlift/verify"
)

// TestDocumentedCaps holds the table of docs/format.md against the constants.
func TestDocumentedCaps(t *testing.T) {
	doc := document(t)
	for name, value := range map[string]int64{
		"MaxManifest": bundle.MaxManifest, "MaxPadding": bundle.MaxPadding, "MaxSums": bundle.MaxSums, "MaxPieces": bundle.MaxPieces, "MaxSignature": bundle.MaxSignature,
		"MaxSignatures": bundle.MaxSignatures, "MaxPart": bundle.MaxPart, "MaxBetween": bundle.MaxBetween, "MaxTools": bundle.MaxTools, "MaxTool": bundle.MaxTool, "MaxStatement": bundle.MaxStatement,
		"MaxUnknown": bundle.MaxUnknown, "MaxCritical": bundle.MaxCritical, "MaxRecipients": bundle.MaxRecipients, "MaxPlainTools": bundle.MaxPlainTools,
		"MaxAdvisory": bundle.MaxAdvisory, "MaxAdvisoryText": bundle.MaxAdvisoryText, "MaxSummary": bundle.MaxSummary, "MaxSecurity": bundle.MaxSecurity, "MaxSecurityID": bundle.MaxSecurityID,
		"MaxPlainLevels": bundle.MaxPlainLevels, "MaxPlainPayload": bundle.MaxPlainPayload, "xzpar.MaxStream": xzpar.MaxStream, "xzpar.MaxDict": xzpar.MaxDict,
		"tarball.MaxName": tarball.MaxName, "tarball.MaxSize": tarball.MaxSize, "manifest.MaxEntries": manifest.MaxEntries, "manifest.MaxFile": manifest.MaxFile, "manifest.MaxLevel": manifest.MaxLevel,
		"bundle.PieceSize": bundle.PieceSize, "manifest.MaxNumber": manifest.MaxNumber, "manifest.MaxLine": manifest.MaxLine,
		"safepath.MaxPath": safepath.MaxPath, "safepath.MaxElement": safepath.MaxElement, "safepath.MaxDepth": safepath.MaxDepth,
		"verify.MaxChangelog": verify.MaxChangelog, "verify.MaxDetached": verify.MaxDetached, "sshsig.MaxArmoured": sshsig.MaxArmoured, "sshsig.MaxRSABits": sshsig.MaxRSABits,
		"sigfiles.MaxFiles": sigfiles.MaxFiles, "keys.MaxWork": keys.MaxWork,
	} {
		if row := fmt.Sprintf("| `%s` | %d |", name, value); !strings.Contains(doc, row) {
			t.Errorf("docs/format.md lacks %s", row)
		}
	}
}

// TestDocumentedExample: the listing in docs/format.md is that of the vector.
func TestDocumentedExample(t *testing.T) {
	doc := document(t)
	b := readFile(t, vectorDir, "good-update.packlift")
	r := bytes.NewReader(b)
	l, err := bundle.ReadLayout(r, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range l.Members {
		if row := fmt.Sprintf("-rw-r--r-- 0/0 %15d 1970-01-01 00:00 %s\n", m.Size, m.Name); !strings.Contains(doc, row) {
			t.Errorf("docs/format.md lacks %q", row)
		}
		if strings.HasSuffix(m.Name, ".age") {
			continue
		}
		text, err := bundle.ReadMember(r, m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(doc, string(text)) {
			t.Errorf("docs/format.md does not show %s as it is", m.Name)
		}
	}
}

func document(t *testing.T) string {
	b, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
