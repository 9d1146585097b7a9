package bundle

import (
	"bytes"
	"fmt"

	"packlift/internal/manifest"
)

// summed are the members that SHA256SUMS lists, in order: all but itself and
// the signatures.
func summed(l *Layout) []string {
	var out []string
	for _, m := range l.Members {
		if m.Name != SumsName && len(out) < len(fixedNames)-1 {
			out = append(out, m.Name)
		}
	}
	return out
}

// MarshalSums gives SHA256SUMS for these names, which all have a digest.
func MarshalSums(names []string, sums map[string]manifest.Digest) []byte {
	var b bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return b.Bytes()
}

// ParseSums reads SHA256SUMS, which lists exactly the members it must, in
// order, in the form of sha256sum(1). Faults are Tampered, of LayerSums.
func ParseSums(b []byte, l *Layout) (map[string]manifest.Digest, error) {
	sums, err := parseSums(b, summed(l))
	return sums, damaged(LayerSums, SumsName, err)
}

func parseSums(b []byte, names []string) (map[string]manifest.Digest, error) {
	if len(b) > MaxSums {
		return nil, fmt.Errorf("has %d bytes, the most is %d", len(b), MaxSums)
	}
	sums := map[string]manifest.Digest{}
	for n, name := range names {
		line, rest, ok := bytes.Cut(b, []byte{'\n'})
		if !ok || len(line) < 64 || string(line[64:]) != "  "+name {
			return nil, fmt.Errorf("line %d is not a digest, two spaces and %s", n+1, name)
		}
		d, err := manifest.ParseDigest(string(line[:64]))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		sums[name], b = d, rest
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("lists more than the %d members it must", len(names))
	}
	return sums, nil
}
