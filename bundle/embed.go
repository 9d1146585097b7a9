package bundle

import (
	"fmt"
	"io"
)

// Embed copies the bundle at r to w with sigs as its signatures, in place of
// those it holds. l is its layout; no other member changes.
func Embed(w io.Writer, r io.ReaderAt, l *Layout, sigs [][]byte) error {
	end, err := tail(sigs)
	if err != nil {
		return err
	}
	front := l.Signatures()[0].Offset - 512
	if _, err := io.Copy(w, io.NewSectionReader(r, 0, front)); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	_, err = w.Write(end)
	return err
}
