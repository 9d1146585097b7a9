package verify

import (
	"errors"
	"io"

	"packlift/bundle"
	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// OpenDelta reads the front of the delta that r holds and compares what it says of
// itself with the list of contents. Errors are of class fault.Tampered, or
// those of r.
func OpenDelta(c manifest.Content, r io.Reader) (*delta.Reader, error) {
	d, err := delta.NewReader(r)
	if err == nil {
		err = sameRecipe(d.Recipe, c)
	}
	if err != nil {
		return nil, DeltaFault(c, err)
	}
	return d, nil
}

// DeltaFault gives an error of a delta that has no class that of a bundle whose
// maker lies.
func DeltaFault(c manifest.Content, err error) error {
	if fault.ClassOf(err) != fault.General {
		return err
	}
	return bundle.At(bundle.LayerPayload, tampered("%s: %w", bundle.DeltaName(c.SHA256), err))
}

func sameRecipe(r delta.Recipe, c manifest.Content) error {
	if r.Result != (delta.Content{Size: c.Size, SHA256: c.SHA256}) || len(r.Bases) != len(c.Bases) {
		return errors.New("it is not the delta that is listed")
	}
	for i, b := range r.Bases {
		if b.SHA256 != c.Bases[i] {
			return errors.New("it is of other bases than those listed")
		}
	}
	return nil
}

// checkDelta reads a delta's segments to their end.
func checkDelta(c manifest.Content, r io.Reader) error {
	d, err := OpenDelta(c, r)
	for err == nil {
		_, err = d.Next()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return DeltaFault(c, err)
}
