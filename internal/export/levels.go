package export

import (
	"bytes"
	"io"

	"packlift/bundle"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

// levelFile is an entry of the levels part.
type levelFile struct {
	name string
	size int64
	open func() io.ReadCloser
}

// levelFiles are the first manifest whole, the difference to the target, the
// list of the payload, and the changelog.
func (c *creation) levelFiles() ([]levelFile, error) {
	first, from := c.target, -1
	if c.base != nil {
		first, from = c.base, c.Start
	}
	whole, err := manifestFile(first)
	if err != nil {
		return nil, err
	}
	out := []levelFile{whole}
	if c.base != nil {
		out = append(out, bytesFile(bundle.DifferenceName(c.Start, c.End), manifest.MarshalDifference(c.base, c.target)))
	}
	contents, err := c.contentsFile()
	if err != nil {
		return nil, err
	}
	out = append(out, contents)
	// The text is for people; a list that is too long for the format stays out.
	text := pack.Changelog(c.Product, c.Version, from, c.End, c.changes.added, c.changes.modified, c.changes.removed)
	if len(text) <= verify.MaxChangelog {
		out = append(out, bytesFile(bundle.ChangelogName(c.Start, c.End), text))
	}
	return out, nil
}

func bytesFile(name string, b []byte) levelFile {
	return levelFile{name, int64(len(b)), func() io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }}
}

func manifestFile(m *manifest.Manifest) (levelFile, error) {
	return streamFile(bundle.LevelName(m.Level), m.WriteTo)
}

// streamFile gives a text without holding it: written once to know its size,
// once for the part.
func streamFile(name string, write func(io.Writer) (int64, error)) (levelFile, error) {
	size, err := write(io.Discard)
	return levelFile{name, size, func() io.ReadCloser {
		r, out := io.Pipe()
		go func() {
			_, err := write(out)
			out.CloseWithError(err)
		}()
		return r
	}}, err
}

// writeLevels fills the part.
func writeLevels(files []levelFile) func(*bundle.PartWriter) error {
	return func(w *bundle.PartWriter) error {
		for _, f := range files {
			r := f.open()
			err := w.Add(f.name, f.size, r)
			r.Close()
			if err != nil {
				return err
			}
		}
		return nil
	}
}
