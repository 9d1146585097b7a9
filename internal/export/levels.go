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

// levelFiles are the first manifest whole, for each step the difference and the
// list of its payload, the changelog, and advisories.
func (c *creation) levelFiles() ([]levelFile, error) {
	first := c.stops[0]
	whole, err := manifestFile(first.manifest)
	if err != nil {
		return nil, err
	}
	out := []levelFile{whole}
	for _, s := range c.steps() {
		if s.from != nil {
			out = append(out, bytesFile(bundle.DifferenceName(s.start(), s.to.level), manifest.MarshalDifference(s.from.manifest, s.to.manifest)))
		}
		contents, err := contentsFile(s, c.payload)
		if err != nil {
			return nil, err
		}
		out = append(out, contents)
	}
	return c.texts(out)
}

// texts adds what is for people.
func (c *creation) texts(out []levelFile) ([]levelFile, error) {
	from := -1
	if c.From != "" {
		from = c.Start
	}
	// A list that is too long for the format stays out.
	text := pack.Changelog(c.Product, c.Version, from, c.End, c.changes.added, c.changes.modified, c.changes.removed)
	if c.Hotfix > 0 {
		text = pack.HotfixChangelog(c.Product, c.Version, c.End, c.Hotfix, c.changes.added, c.changes.modified, c.changes.removed)
	}
	if len(text) <= verify.MaxChangelog {
		out = append(out, bytesFile(bundle.ChangelogName(c.Start, c.End), text))
	}
	for _, a := range c.Advisories {
		text, err := a.Marshal()
		if err != nil {
			return nil, err
		}
		out = append(out, bytesFile(bundle.AdvisoryName(a.Level), text))
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
