package verify

import (
	"context"
	"io"

	"packlift/bundle"
)

// ahead has the passes over the parts of one piece, by name. They begin when the
// container is known and go on while the signatures are judged; what they gave is
// judged in its turn. A larger part waits for its turn: of what nobody signed no
// more than a piece of each part is read.
type ahead struct {
	stop   context.CancelFunc
	passes map[string]func() (*hashes, error) // each waits for its end
}

func begin(ctx context.Context, r io.ReaderAt, l *bundle.Layout) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{stop, map[string]func() (*hashes, error){}}
	for _, name := range bundle.PartNames {
		if m, ok := l.Find(name); ok && m.Size <= bundle.PieceSize {
			a.passes[name] = start(func() (*hashes, error) { return onePiece(ctx, r, m) })
		}
	}
	return a
}

func start(pass func() (*hashes, error)) (wait func() (*hashes, error)) {
	var out *hashes
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = pass()
	}()
	return func() (*hashes, error) { <-done; return out, err }
}

// close ends the passes that nobody asked for; nothing is read after it.
func (a *ahead) close() {
	if a == nil {
		return
	}
	a.stop()
	for _, wait := range a.passes {
		wait()
	}
}
