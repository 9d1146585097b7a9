package verify

import (
	"context"
	"io"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
)

// MaxDetached caps the detached signatures that count beside the bundle's own.
const MaxDetached = 64

// Options says how to judge a bundle.
type Options struct {
	Trust    *TrustSet
	Detached [][]byte      // armoured signatures that lie beside the bundle
	Now      time.Time     // the machine's clock, for best-before and MaxAge; zero: neither is judged
	MaxAge   time.Duration // refuse a bundle created longer ago; zero: no limit
	Jobs     int           // for reading parts; zero: all cores
	Progress func(n int64) // bytes of the parts checked since the last call; may be nil
}

// Open verifies all of a bundle that needs no identity, in the order of the
// package doc, and stops at the first failure. The report tells every check
// with its evidence, those not reached included; it is returned with the error too.
// The bundle's size is in bytes; r is read again by the Bundle's methods.
//
// Errors have a class: NotABundle, Truncated or Tampered for the container and
// digests, Untrusted for signatures, Rollback for MaxAge, Interrupted for an ended ctx.
func Open(ctx context.Context, r io.ReaderAt, size int64, o Options) (*Bundle, *Report, error) {
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	v := &opener{ctx: ctx, r: r, size: size, o: o, report: &Report{}}
	defer func() { v.ahead.close() }()
	steps := v.steps()
	for i, s := range steps {
		err := ctx.Err()
		if err != nil {
			err = fault.New(fault.Interrupted, "verification: %w", context.Cause(ctx))
		} else {
			err = bundle.At(s.layer, s.run())
		}
		if err == nil {
			continue
		}
		v.report.fail(s.name, err)
		for _, rest := range steps[i+1:] {
			v.report.skip(rest.name, "an earlier check failed")
		}
		return nil, v.report, err
	}
	return v.bundle(), v.report, nil
}
