package export

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"
	"testing/iotest"

	"packlift/internal/fault"
)

// TestXZGuard passes on what xz writes, whatever its shape, and stops before a
// large dictionary, also in a later block or stream.
func TestXZGuard(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("xz is not installed")
	}
	plain := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{5}).Read(plain[:100_000])
	pack := func(args ...string) []byte {
		cmd := exec.Command("xz", append([]string{"-c"}, args...)...)
		cmd.Stdin = bytes.NewReader(plain)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	// with is b with another dictionary size in its first block header (whose CRC is not looked at).
	with := func(b []byte, dict byte) []byte {
		b = bytes.Clone(b)
		b[bytes.Index(b[:40], []byte{0x21, 1})+2] = dict
		return b
	}
	large := with(pack(), 29) // 96 MiB
	good := map[string][]byte{
		"plain": pack(), "64 MiB": with(pack(), 28), "blocks": pack("-T2", "--block-size=70000"), "block list": pack("--block-list=1000,2001,0"),
		"no check": pack("--check=none"), "crc32": pack("--check=crc32"), "sha256": pack("--check=sha256"),
		"streams": append(pack(), pack("-0")...), "padding": append(append(pack(), make([]byte, 8)...), pack()...),
	}
	for name, b := range good {
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
			if got, err := io.ReadAll(newXZGuard(r)); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(b), err)
			}
			bad := append(bytes.Clone(b), large...)
			if got, err := io.ReadAll(newXZGuard(iotest.HalfReader(bytes.NewReader(bad)))); fault.ClassOf(err) != fault.Usage || len(got) > len(b)+12+24 {
				t.Errorf("%s, then a dictionary of 96 MiB: %d bytes passed, %v", name, len(got)-len(b), err)
			}
		}
	}
	for _, b := range [][]byte{large, with(pack(), 40), with(pack("--delta=dist=4", "--lzma2=dict=1MiB"), 30)} {
		if got, err := io.ReadAll(newXZGuard(bytes.NewReader(b))); fault.ClassOf(err) != fault.Usage || len(got) > 0 {
			t.Errorf("a large dictionary: %d bytes passed, %v", len(got), err)
		}
	}
}

// FuzzXZGuard: it never panics, and what it passes is what came.
func FuzzXZGuard(f *testing.F) {
	f.Add([]byte("\xFD7zXZ\x00\x00\x04\xE6\xD6\xB4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2F\xE5\xA3\x01\x00\x00a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _ := io.ReadAll(newXZGuard(bytes.NewReader(b)))
		if !bytes.HasPrefix(b, got) {
			t.Errorf("%x became %x", b, got)
		}
	})
}
