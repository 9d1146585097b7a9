package xzpar

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"github.com/ulikunitz/xz"
)

// FuzzReader holds our decoder against ulikunitz's: what ours accepts, theirs
// accepts, as the same bytes, and the writer's output is always accepted.
func FuzzReader(f *testing.F) {
	for _, plain := range [][]byte{{0}, []byte("hello hello hello"), text(1, 3000), noise(1, 500), make([]byte, 70000), slices.Concat(text(2, 1000), noise(2, 300), text(2, 1000))} {
		packed, _ := write(f, plain, 1)
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		got, err := io.ReadAll(io.LimitReader(NewSequential(context.Background(), bytes.NewReader(packed)), 4<<20))
		if err != nil || len(got) == 4<<20 {
			return
		}
		r, err := xz.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatalf("ulikunitz refuses: %v", err)
		}
		if want, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("ulikunitz reads %d bytes, we %d: %v", len(want), len(got), err)
		}
	})
}

// FuzzLZMA2 feeds LZMA2 data to our decoder and to ulikunitz's inside a frame
// whose sizes and check are made to fit, which no fuzzer would guess.
func FuzzLZMA2(f *testing.F) {
	for _, plain := range [][]byte{{0}, text(1, 3000), noise(1, 500), make([]byte, 70000), slices.Concat(text(2, 1000), noise(2, 300), text(2, 1000))} {
		packed, _ := write(f, plain, 1)
		b, n, err := parseBlock(packed[edgeSize:])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed[edgeSize+n:][:b.packed], len(plain), b.dict)
	}
	f.Fuzz(func(t *testing.T, data []byte, size int, dict byte) {
		if size < 1 || size > 1<<20 || dict > 28 {
			return
		}
		var d decoder
		out := make([]byte, size)
		if d.lzma.unpack(out, data, dictSize(dict), nil) != nil {
			return
		}
		b := block{int64(len(data)), int64(size), dict}
		r, err := xz.NewReader(bytes.NewReader(slices.Concat(streamHeader, b.header(), data, b.tail(checksum(out)))))
		if err != nil {
			t.Fatalf("ulikunitz refuses: %v", err)
		}
		if want, err := io.ReadAll(r); err != nil || !bytes.Equal(out, want) {
			t.Errorf("ulikunitz reads %d bytes, we %d: %v", len(want), size, err)
		}
	})
}

// FuzzRoundTrip writes and reads any bytes, cut anywhere.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello hello"), 3)
	f.Add(text(3, 5000), 1000)
	f.Fuzz(func(t *testing.T, plain []byte, cut int) {
		if len(plain) == 0 || cut < 1 || cut >= len(plain) {
			return
		}
		one, _ := write(t, plain[:cut], 1)
		two, _ := write(t, plain[cut:], 1)
		packed := slices.Concat(one, two)
		r, err := NewReader(bytes.NewReader(packed), int64(len(packed)), []Stream{{}, {int64(len(one)), int64(cut)}}, int64(len(plain)), ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		same(t, "parallel", r, plain)
		same(t, "sequential", NewSequential(context.Background(), bytes.NewReader(packed)), plain)
	})
}
