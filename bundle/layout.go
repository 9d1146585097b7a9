package bundle

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"packlift/bundle/tarball"
	"packlift/internal/fault"
)

// Member is one outer member: where its content lies in the file, in bytes.
type Member struct {
	Name         string
	Offset, Size int64
}

// Layout is the outer tar of a bundle: its members in order.
type Layout struct {
	Members []Member
	Size    int64 // of the whole file
}

// Find returns the member of this name.
func (l *Layout) Find(name string) (Member, bool) {
	for _, m := range l.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Signatures are the members sig/01.sig and on.
func (l *Layout) Signatures() []Member { return l.Members[len(fixedNames):] }

// ReadMember reads a whole member; only those with a cap of at most MaxPieces
// bytes can be.
func ReadMember(r io.ReaderAt, m Member) ([]byte, error) {
	if m.Size < 0 || m.Size > MaxPieces {
		return nil, refuse(LayerOuter, fault.Tampered, "%s has %d bytes, too many to hold", m.Name, m.Size)
	}
	b := make([]byte, m.Size)
	if err := readAt(r, b, m.Offset); err != nil {
		return nil, readFault(m.Name, err)
	}
	return b, nil
}

func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ReadLayout reads the outer tar of a file of size bytes: headers and padding,
// and nothing of the members. It checks that every header and every padding is
// canonical, that the members are exactly those of the format in their order,
// each at least one byte and within its cap, and that the two zero blocks end
// the file. Faults are of LayerOuter: NotABundle, Truncated or Tampered.
func ReadLayout(r io.ReaderAt, size int64) (*Layout, error) {
	x := &layoutReader{r: r, size: size, l: &Layout{Size: size}}
	for {
		end, err := x.next()
		if err != nil {
			return nil, At(LayerOuter, err)
		}
		if end {
			return x.l, nil
		}
	}
}

type layoutReader struct {
	r        io.ReaderAt
	size, at int64
	l        *Layout
}

func (x *layoutReader) next() (end bool, err error) {
	var b [tarball.BlockSize]byte
	if err := x.block(&b); err != nil {
		return false, err
	}
	n := len(x.l.Members)
	if n > len(fixedNames) && tarball.IsZero(b[:]) {
		return true, x.end()
	}
	name, size, err := tarball.ParseHeader(&b)
	if err != nil {
		if n == 0 && !strings.HasPrefix(string(b[:]), ManifestName+"\x00") {
			return false, fault.New(fault.NotABundle, "this is not a packlift bundle: it does not begin with %s", ManifestName)
		}
		return false, fault.New(fault.Tampered, "outer tar, member %d at %d: %w", n+1, x.at-tarball.BlockSize, err)
	}
	if err := x.expected(n, name); err != nil {
		return false, err
	}
	return false, x.member(name, size)
}

// expected checks the name of member n, from 0.
func (x *layoutReader) expected(n int, name string) error {
	want := SignatureName(n - len(fixedNames) + 1)
	if n < len(fixedNames) {
		want = fixedNames[n]
	}
	switch {
	case name == want && n < len(fixedNames)+MaxSignatures:
		return nil
	case n == 0:
		return fault.New(fault.NotABundle, "this is not a packlift bundle: its first member is %.120q, not %s", name, want)
	case n == 2 && strings.HasPrefix(name, "trust/"):
		return fault.New(fault.NotABundle, "outer tar: %.120q carries a trust set, which needs a newer tool", name).WithHint("use a newer packlift-import")
	case n >= len(fixedNames)+MaxSignatures:
		return fault.New(fault.Tampered, "outer tar: more than %d signatures", MaxSignatures)
	}
	return fault.New(fault.Tampered, "outer tar: member %d is %.120q where %s belongs", n+1, name, want)
}

// member steps over the content to the padding, which must be zero.
func (x *layoutReader) member(name string, size int64) error {
	if size < 1 || size > maxMember(name) {
		return fault.New(fault.Tampered, "outer tar: %s states %d bytes; it has 1 to %d", name, size, maxMember(name))
	}
	x.l.Members = append(x.l.Members, Member{name, x.at, size})
	pad := make([]byte, tarball.Padding(size))
	if x.at+size+int64(len(pad)) > x.size {
		return fault.New(fault.Truncated, "%s: the file ends at %d, inside this member, which reaches to %d", name, x.size, x.at+size)
	}
	x.at += size
	if err := readAt(x.r, pad, x.at); err != nil {
		return readFault(name, err)
	}
	if !tarball.IsZero(pad) {
		return fault.New(fault.Tampered, "outer tar: padding after %s at %d is not zero", name, x.at)
	}
	x.at += int64(len(pad))
	return nil
}

func (x *layoutReader) end() error {
	var b [tarball.BlockSize]byte
	if err := x.block(&b); err != nil {
		return err
	}
	if !tarball.IsZero(b[:]) {
		return fault.New(fault.Tampered, "outer tar: one zero block only, where two end the file")
	}
	if x.at != x.size {
		return fault.New(fault.Tampered, "outer tar: %d bytes follow its end at %d", x.size-x.at, x.at)
	}
	return nil
}

// block reads the next 512 bytes.
func (x *layoutReader) block(b *[tarball.BlockSize]byte) error {
	if x.at+tarball.BlockSize > x.size {
		return x.short()
	}
	if err := readAt(x.r, b[:], x.at); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return x.short()
		}
		return readFault(fmt.Sprintf("outer tar at %d", x.at), err)
	}
	x.at += tarball.BlockSize
	return nil
}

// short tells a bundle that was cut from a file that never was one.
func (x *layoutReader) short() error {
	if n := len(x.l.Members); n > 0 {
		return fault.New(fault.Truncated, "the file ends at %d, after member %d (%s)", x.size, n, x.l.Members[n-1].Name)
	}
	head := make([]byte, min(x.size, int64(len(ManifestName))))
	if err := readAt(x.r, head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) == 0 || !strings.HasPrefix(ManifestName, string(head)) {
		return fault.New(fault.NotABundle, "this is not a packlift bundle: it has %d bytes", x.size)
	}
	return fault.New(fault.Truncated, "the file ends at %d, inside its first header", x.size)
}
