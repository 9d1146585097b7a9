package export

import (
	"crypto/sha256"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"packlift/bundle/sshsig"
	"packlift/internal/manifest"
)

// inParallel does things 0 to n-1 in so many workers; each has what make gave it.
func inParallel(workers, n int, make func() func(int) error) error {
	var g errgroup.Group
	var next atomic.Int64
	var failed atomic.Bool
	for range workers {
		g.Go(func() error {
			do := make()
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(i); err != nil {
					failed.Store(true)
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// digestWritten gives digest and length of what write writes.
func digestWritten(write func(io.Writer) (int64, error)) (manifest.Digest, int64, error) {
	h := sha256.New()
	n, err := write(h)
	return manifest.Digest(h.Sum(nil)), n, err
}

func parseSigs(raw [][]byte) (out []*sshsig.Signature, err error) {
	for _, b := range raw {
		s, err := sshsig.Parse(b)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
