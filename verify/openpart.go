package verify

import (
	"fmt"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// maxSkew is how far a bundle's creation may lie in this machine's future
// before a warning says that one of the two clocks is wrong.
const maxSkew = 24 * time.Hour

// part makes the one pass over a part: its digest, its size, its pieces. The
// digests computed here are what every later read is held against.
func (v *opener) part(h *hasher, name string) error {
	m, ok := v.layout.Find(name)
	if !ok {
		return fault.New(fault.NotABundle, "%s is missing", name)
	}
	got, err := v.hashes(h, m)
	if err != nil {
		return err
	}
	if err := v.comparePart(m, got); err != nil {
		return err
	}
	if v.computed == nil {
		v.computed = map[string][]manifest.Digest{}
	}
	v.computed[name] = got.pieces
	v.report.pass("digest of "+name, "SHA-256 %s, %d bytes, %s", got.whole, m.Size, count.Of(len(got.pieces), "piece"))
	return nil
}

func (v *opener) hashes(h *hasher, m bundle.Member) (*hashes, error) {
	wait, begun := v.ahead.passes[m.Name]
	if !begun {
		return h.member(v.ctx, v.r, m)
	}
	out, err := wait()
	if err == nil {
		v.o.Progress(m.Size)
	}
	return out, err
}

// comparePart holds a part against the three signed places that describe it.
func (v *opener) comparePart(m bundle.Member, got *hashes) error {
	if want := v.sums[m.Name]; got.whole != want {
		return tampered("%s has SHA-256 %s, the signed %s says %s%s", m.Name, got.whole, bundle.SumsName, want, v.locate(m, got))
	}
	if v.info == nil {
		return nil
	}
	if want := v.info.Part(m.Name).Stored; want.Size != m.Size || want.SHA256 != got.whole {
		return bundle.At(bundle.LayerManifest, tampered("%s has %d bytes and SHA-256 %s, the signed %s says %d and %s", m.Name, m.Size, got.whole,
			bundle.ManifestName, want.Size, want.SHA256))
	}
	if bad := v.damaged(m, got); len(bad) > 0 {
		return tampered("%s differs from the signed %s%s", m.Name, bundle.PiecesName, v.locate(m, got))
	}
	return nil
}

// damaged lists the pieces, from 0, that differ from PIECES.json.
func (v *opener) damaged(m bundle.Member, got *hashes) []int {
	if v.pieces == nil {
		return nil
	}
	want := v.pieces.Part(m.Name).SHA256
	var bad []int
	for i := range max(len(want), len(got.pieces)) {
		if i >= len(want) || i >= len(got.pieces) || want[i] != got.pieces[i] {
			bad = append(bad, i)
		}
	}
	return bad
}

// maxLocated caps the damaged pieces that a message lists.
const maxLocated = 8

// locate says where in the bundle's file the damage lies.
func (v *opener) locate(m bundle.Member, got *hashes) string {
	bad := v.damaged(m, got)
	if len(bad) == 0 {
		return ""
	}
	var where []string
	for _, i := range bad[:min(len(bad), maxLocated)] {
		from := m.Offset + int64(i)*bundle.PieceSize
		where = append(where, fmt.Sprintf("%d to %d", from, min(from+bundle.PieceSize, m.Offset+m.Size)-1))
	}
	more := ""
	if len(bad) > maxLocated {
		more = fmt.Sprintf(" and %d more", len(bad)-maxLocated)
	}
	return fmt.Sprintf("; damaged: %d of %d pieces, bytes %s%s of the file", len(bad), len(got.pieces), strings.Join(where, ", "), more)
}

// age judges the bundle's dates by the machine's clock. Clocks of isolated
// machines lie, so only an explicit limit refuses.
func (v *opener) age() error {
	created, now := v.frozen.Created, v.o.Now
	if now.IsZero() || created.IsZero() {
		v.report.skip("age", "no clock was given, or the bundle tells no time")
		return nil
	}
	old := now.Sub(created)
	if v.o.MaxAge > 0 && old > v.o.MaxAge {
		return fault.New(fault.Rollback, "the bundle was created at %s, %s ago; the limit is %s", created.Format(timeForm), days(old), days(v.o.MaxAge)).
			WithHint("bring a newer bundle, or raise --max-age; check this machine's clock with date")
	}
	switch best := v.bestBefore(); {
	case old < -maxSkew:
		v.report.warn("age", "created at %s, which is in this machine's future: one of the two clocks is wrong", created.Format(timeForm))
	case !best.IsZero() && now.After(best):
		v.report.warn("age", "best before %s, which has passed: ask for a newer bundle", best.Format(timeForm))
	case !best.IsZero():
		v.report.pass("age", "created %s ago, best before %s", days(old), best.Format(timeForm))
	default:
		v.report.pass("age", "created %s ago, no best-before", days(old))
	}
	return nil
}

func (v *opener) bestBefore() time.Time {
	if v.info == nil {
		return time.Time{}
	}
	return v.info.BestBefore
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int64(d/(24*time.Hour)))
}
