package xzpar

import (
	"bytes"
	"io"
	"testing"
)

func readEarly(t *testing.T, packed []byte, streams []Stream, plain int64, o ReaderOptions) ([]byte, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(packed), int64(len(packed)), streams, plain, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestEarly(t *testing.T) {
	plain := append(noise(1, 500_000), text(1, 300_000)...)
	packed, streams := writeCut(t, plain, 2, 300_000, 200_000)
	for jobs := 1; jobs <= 3; jobs++ {
		got, err := readEarly(t, packed, streams, int64(len(plain)), ReaderOptions{Jobs: jobs, Early: true})
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d jobs: %d of %d bytes, equal %v: %v", jobs, len(got), len(plain), bytes.Equal(got, plain), err)
		}
	}
}

// TestEarlyInParts: noise is stored in chunks of 64 KiB, and bytes come before the stream's last part is there.
func TestEarlyInParts(t *testing.T) {
	plain := noise(1, 500_000)
	packed, streams := write(t, plain, 1)
	packed[len(packed)-30] ^= 1 // behind the data
	got, err := readEarly(t, packed, streams, int64(len(plain)), ReaderOptions{})
	if err == nil || len(got) > 0 {
		t.Errorf("not early: %d bytes, %v", len(got), err)
	}
	seen := false
	for range 20 { // whether parts are seen before the end is the scheduler's
		if got, err = readEarly(t, packed, streams, int64(len(plain)), ReaderOptions{Early: true}); err == nil {
			t.Fatal("a stream whose check is wrong passed")
		}
		if !bytes.HasPrefix(plain, got) {
			t.Fatalf("the %d bytes that came are others", len(got))
		}
		seen = seen || len(got) > 0
	}
	if !seen {
		t.Error("nothing came early")
	}
}

// TestEarlyEveryByte: whatever byte is flipped, the end is an error.
func TestEarlyEveryByte(t *testing.T) {
	plain := append(noise(1, 70_000), text(2, 400)...)
	packed, streams := write(t, plain, 1)
	for i := 0; i < len(packed); i++ {
		if i == 200 {
			i = len(packed) - 400
		}
		packed[i] ^= 4
		if _, err := readEarly(t, packed, streams, int64(len(plain)), ReaderOptions{Early: true}); err == nil {
			t.Errorf("byte %d flipped, and no error", i)
		}
		packed[i] ^= 4
	}
}
