package bundle

import (
	"errors"
	"fmt"
	"io"

	"packlift/bundle/tarball"
	"packlift/internal/fault"
)

// Layer is one step of reading a bundle. Each layer refuses its own faults
// before the next one sees a byte.
type Layer string

// The layers, from the outside in.
const (
	LayerOuter     Layer = "outer"     // the outer tar
	LayerSignature Layer = "signature" // SSHSIG and the trust policy
	LayerSums      Layer = "sums"      // SHA256SUMS
	LayerDigest    Layer = "digest"    // a member or piece against its digest
	LayerManifest  Layer = "manifest"  // MANIFEST.json
	LayerPieces    Layer = "pieces"    // PIECES.json
	LayerDecrypt   Layer = "decrypt"   // age
	LayerXZ        Layer = "xz"        // the xz streams
	LayerTar       Layer = "tar"       // a part's inner tar
	LayerTools     Layer = "tools"     // statements and tools
	LayerLevels    Layer = "levels"    // manifests and differences
	LayerPayload   Layer = "payload"   // blobs
)

// layered is an error that names the layer that refused.
type layered struct {
	layer Layer
	err   error
}

func (e *layered) Error() string { return e.err.Error() }
func (e *layered) Unwrap() error { return e.err }

// At marks err as found by a layer; the innermost mark counts. A nil err stays nil.
func At(layer Layer, err error) error {
	var r *readError
	if err == nil || LayerOf(err) != "" || errors.As(err, &r) {
		return err
	}
	return &layered{layer, err}
}

// LayerOf tells which layer refused, "" if err names none.
func LayerOf(err error) Layer {
	var e *layered
	if errors.As(err, &e) {
		return e.layer
	}
	var t *tarball.Error
	if errors.As(err, &t) {
		return LayerTar
	}
	return ""
}

// refuse makes an error of a layer and class; args are those of fmt.Errorf.
func refuse(layer Layer, class fault.Class, format string, args ...any) error {
	return &layered{layer, fault.New(class, format, args...)}
}

// damaged gives an error found inside verified bytes its layer and class:
// Truncated where bytes are missing, else Tampered. What has a class keeps it,
// and a failing read stays the plain error that it is.
func damaged(layer Layer, what string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if settled(err) {
		return At(layer, err)
	}
	class := fault.Tampered
	if errors.Is(err, io.ErrUnexpectedEOF) {
		class = fault.Truncated
	}
	return At(layer, fault.New(class, "%w", fmt.Errorf("%s: %w", what, err)))
}

// readError is a failing read of the device or file beneath: nobody's fault
// that a layer could name.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// readFault tells a file that became shorter from a read that failed.
func readFault(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse(LayerOuter, fault.Truncated, "%s: the file ends too early", what)
	}
	return &readError{fmt.Errorf("%s: %w", what, err)}
}

// bare is what a settled err says itself, without what others put before it: age
// tells where in a header it was when a piece could not be read.
func bare(err error) error {
	var l *layered
	var r *readError
	switch {
	case errors.As(err, &l):
		return l
	case errors.As(err, &r):
		return r
	}
	return err
}

// settled reports whether err already says what it is: it has a class or a
// layer, or is a failing read.
func settled(err error) bool {
	var f *fault.Error
	var r *readError
	return errors.As(err, &f) || errors.As(err, &r) || LayerOf(err) != ""
}
