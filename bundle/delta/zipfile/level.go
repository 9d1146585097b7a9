package zipfile

import (
	"bytes"
	"errors"
	"io"

	"packlift/bundle/delta/deflate"
)

// settings are the zlib settings that are tried, in this order. A number in a
// delta counts from here, so the order is part of the format.
var settings = []deflate.Params{
	{Level: 6, Memory: 8}, {Level: 9, Memory: 8}, {Level: 1, Memory: 8}, {Level: 5, Memory: 8}, {Level: 7, Memory: 8}, {Level: 8, Memory: 8},
	{Level: 4, Memory: 8}, {Level: 3, Memory: 8}, {Level: 2, Memory: 8}, {Level: 6, Memory: 9}, {Level: 9, Memory: 9}, {Level: 1, Memory: 9},
}

// Settings is how many there are.
var Settings = len(settings)

// Setting gives the n-th.
func Setting(n int) deflate.Params { return settings[n] }

// Packer tries settings. It keeps its memory.
type Packer struct {
	Lend deflate.Lend // for the likely setting; may be nil
	w    *deflate.Writer
}

// Help does another's work as long as there is any.
func (k *Packer) Help(work func(*deflate.Writer) bool) {
	if k.w == nil {
		k.w, _ = deflate.NewWriter(io.Discard, settings[0])
	}
	for work(k.w) {
	}
}

var errDiffers = errors.New("differs")

// expecting fails at the first byte that is not as in want.
type expecting struct{ want []byte }

func (e *expecting) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(e.want, p) {
		return 0, errDiffers
	}
	e.want = e.want[len(p):]
	return len(p), nil
}

// Find gives the number of a setting that makes plain into packed. The likely
// one is tried first.
func (k *Packer) Find(plain, packed []byte, likely int) (int, bool) {
	if k.makes(likely, plain, packed, k.Lend) {
		return likely, true
	}
	for n := range settings {
		if n != likely && k.makes(n, plain, packed, nil) {
			return n, true
		}
	}
	return 0, false
}

// makes packs as a whole what others help with, and else sees a difference sooner.
func (k *Packer) makes(n int, plain, packed []byte, lend deflate.Lend) bool {
	e := &expecting{packed}
	if k.w == nil {
		k.w, _ = deflate.NewWriter(e, settings[n])
	} else {
		k.w.Reset(e, settings[n])
	}
	if lend != nil {
		return k.w.Pack(plain, lend) == nil && len(e.want) == 0
	}
	if _, err := k.w.Write(plain); err != nil {
		return false
	}
	return k.w.Close() == nil && len(e.want) == 0
}
