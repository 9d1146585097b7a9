package verify

import (
	"context"
	"fmt"
	"io"

	"packlift/bundle"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// opener carries one Open from step to step; no step runs before those above
// it passed.
type opener struct {
	ctx    context.Context
	r      io.ReaderAt
	size   int64
	o      Options
	report *Report

	layout       *bundle.Layout
	ahead        *ahead
	sumsText     []byte
	sigs         []claimed
	sums         map[string]manifest.Digest
	manifestText []byte
	piecesText   []byte
	info         *bundle.Info // nil for a later format
	frozen       bundle.Frozen
	signers      []Signer
	pieces       *bundle.Pieces // nil for a later format
	computed     map[string][]manifest.Digest
}

// step is one check of Open; layer marks its errors.
type step struct {
	name  string
	layer bundle.Layer
	run   func() error
}

func (v *opener) steps() []step {
	h := newHasher(v.o.Progress)
	s := []step{
		{"container", bundle.LayerOuter, v.begin},
		{"policy", bundle.LayerSignature, v.signatures},
		{"sums", bundle.LayerSums, v.checkSums},
		{"digest of " + bundle.ManifestName, bundle.LayerDigest, v.readManifest},
		{"digest of " + bundle.PiecesName, bundle.LayerDigest, v.readPieces},
		{"manifest", bundle.LayerManifest, v.parseManifest},
		{"validity", bundle.LayerSignature, v.validity},
		{"piece list", bundle.LayerPieces, v.parsePieces},
	}
	for _, name := range bundle.PartNames {
		s = append(s, step{"digest of " + name, bundle.LayerDigest, func() error { return v.part(h, name) }})
	}
	return append(s, step{"age", bundle.LayerManifest, v.age})
}

// bundle makes the value that all steps have earned.
func (v *opener) bundle() *Bundle {
	b := &Bundle{
		ctx: v.ctx, r: v.r, size: v.size, layout: v.layout, info: v.info, frozen: v.frozen, sums: manifest.Sum(v.sumsText),
		trust: v.o.Trust, signers: v.signers, pieces: v.computed, jobs: v.o.Jobs,
	}
	if v.pieces != nil {
		b.streams = map[string][]bundle.Stream{}
		for _, name := range bundle.PartNames {
			b.streams[name] = v.pieces.Part(name).Streams
		}
	}
	return b
}

// begin checks the container, and begins the passes that need no more than it.
func (v *opener) begin() error {
	if err := v.container(); err != nil {
		return err
	}
	v.ahead = begin(v.ctx, v.r, v.layout)
	return nil
}

func (v *opener) container() (err error) {
	if v.layout, err = bundle.ReadLayout(v.r, v.size); err != nil {
		return err
	}
	v.report.pass("container", "%s in %s, in canonical form", count.Of(len(v.layout.Members), "member"), count.Of(int(v.size), "byte"))
	return nil
}

func (v *opener) checkSums() (err error) {
	if v.sums, err = bundle.ParseSums(v.sumsText, v.layout); err != nil {
		return err
	}
	v.report.pass("sums", "%s lists every member but itself and the signatures", bundle.SumsName)
	return nil
}

func (v *opener) readManifest() (err error) {
	v.manifestText, err = v.digested(bundle.ManifestName)
	return err
}

func (v *opener) readPieces() (err error) {
	v.piecesText, err = v.digested(bundle.PiecesName)
	return err
}

// digested reads a small member whole and returns the very bytes that have
// the signed digest.
func (v *opener) digested(name string) ([]byte, error) {
	b, err := v.member(name)
	if err != nil {
		return nil, err
	}
	if got, want := manifest.Sum(b), v.sums[name]; got != want {
		return nil, tampered("%s has SHA-256 %s, the signed %s says %s", name, got, bundle.SumsName, want)
	}
	v.report.pass("digest of "+name, "SHA-256 %s", v.sums[name])
	return b, nil
}

func (v *opener) member(name string) ([]byte, error) {
	m, ok := v.layout.Find(name)
	if !ok {
		return nil, fault.New(fault.NotABundle, "%s is missing", name)
	}
	return bundle.ReadMember(v.r, m)
}

func tampered(format string, args ...any) error {
	return fault.New(fault.Tampered, format, args...).
		WithHint("the file is damaged or was changed after signing: copy it again, or fetch it anew from its maker")
}

// parseManifest reads the frozen keys first: they decide whether the rest has
// a form that this tool knows.
func (v *opener) parseManifest() error {
	f, err := bundle.ParseFrozen(v.manifestText)
	if err != nil {
		return err
	}
	v.frozen = *f
	if f.Format > bundle.FormatVersion {
		v.report.warn("manifest", "format %d is newer than this tool, which reads formats up to %d; importer %s or newer reads it",
			f.Format, bundle.FormatVersion, f.MinimumTool)
		return nil
	}
	if v.info, err = bundle.ParseInfo(v.manifestText); err != nil {
		return err
	}
	i := v.info
	v.report.pass("manifest", "%s-%s, %s, levels %d to %d%s, channel %s, bundle %s, created %s", i.Product, i.Version, i.Kind,
		i.Start, i.End, between(i), i.Channel, i.ID, i.Created.Format(timeForm))
	return nil
}

// between names how many levels the bundle carries beside start and end.
func between(i *bundle.Info) string {
	switch n := len(i.Between); n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" with level %d between", i.Between[0].Level)
	default:
		return fmt.Sprintf(" with %d between, %d to %d", n, i.Between[0].Level, i.Between[n-1].Level)
	}
}

// parsePieces leaves a later format's list alone: its form may be another, and
// what later reads need is computed from the parts themselves.
func (v *opener) parsePieces() (err error) {
	if v.info == nil {
		v.report.skip("piece list", "the format is newer than this tool; pieces are computed from the parts")
		return nil
	}
	if v.pieces, err = bundle.ParsePieces(v.piecesText, v.layout); err != nil {
		return err
	}
	n := 0
	for _, name := range bundle.PartNames {
		n += len(v.pieces.Part(name).SHA256)
	}
	v.report.pass("piece list", "%s of up to %d bytes", count.Of(n, "piece"), bundle.PieceSize)
	return nil
}
