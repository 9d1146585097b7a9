package export

import (
	"crypto/sha256"
	"hash"
	"io"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// checked passes a file's content on and fails, in the place of the last
// bytes, where it is not the content that was scanned. The last bytes are held
// back rather than followed by an error, because a reader that wants exactly
// the size never sees what follows.
type checked struct {
	r    io.Reader
	name string
	left int64
	want manifest.Digest
	sum  hash.Hash
}

func newChecked(r io.Reader, name string, size int64, want manifest.Digest) *checked {
	return &checked{r: r, name: name, left: size, want: want, sum: sha256.New()}
}

func (c *checked) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.end()
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.sum.Write(p[:n])
	c.left -= int64(n)
	switch {
	case err != nil && err != io.EOF:
		return n, err
	case err == io.EOF && c.left > 0:
		return 0, c.changed()
	case c.left == 0:
		if err := c.end(); err != io.EOF {
			return 0, err
		}
	}
	return n, nil
}

// end is io.EOF if the content is the scanned one and nothing follows it.
func (c *checked) end() error {
	var more [1]byte
	if n, _ := io.ReadFull(c.r, more[:]); n > 0 {
		return c.changed()
	}
	if manifest.Digest(c.sum.Sum(nil)) != c.want {
		return c.changed()
	}
	return io.EOF
}

func (c *checked) changed() error {
	return fault.New(fault.General, "%s changed while it was read", c.name).
		WithHint("run the command again when nothing writes to the tree")
}
