package xzpar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/ulikunitz/xz"
)

// text gives n bytes that compress like program text: words, repeats, noise.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var words [][]byte
	for range 300 {
		w := make([]byte, 2+r.IntN(9))
		for i := range w {
			w[i] = byte('a' + r.IntN(26))
		}
		words = append(words, append(w, ' '))
	}
	out := make([]byte, 0, n+64)
	for len(out) < n {
		switch k := r.IntN(1000); {
		case k == 0 && len(out) > 5000:
			at := r.IntN(len(out) - 4000)
			out = append(out, out[at:at+r.IntN(4000)]...)
		case k < 5:
			for range 40 {
				out = append(out, byte(r.Uint32()))
			}
		case k < 9:
			out = append(out, make([]byte, r.IntN(600))...)
		default:
			out = append(out, words[r.IntN(len(words))*r.IntN(len(words))/len(words)]...)
		}
	}
	return out[:n]
}

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// write compresses plain as the writer does.
func write(t testing.TB, plain []byte, jobs int) ([]byte, []Stream) {
	return writeCut(t, plain, jobs, StreamSize, NearBorder)
}

// writeCut compresses plain in streams of other sizes, with a boundary after
// each of the given lengths.
func writeCut(t testing.TB, plain []byte, jobs, size, near int, borders ...int) ([]byte, []Stream) {
	t.Helper()
	var out bytes.Buffer
	w := newWriter(&out, WriterOptions{Jobs: jobs}, size)
	for _, n := range borders {
		w.Write(plain[:n])
		w.Boundary(near)
		plain = plain[n:]
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.Streams()
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name  string
		plain []byte
	}{
		{"one byte", []byte{7}}, {"small", []byte("hello, hello, hello")}, {"zeros", make([]byte, 300_000)},
		{"text", text(1, 700_000)}, {"noise", noise(1, 200_000)}, {"two streams", make([]byte, StreamSize+1)},
		{"mixed", slices.Concat(text(3, 200000), noise(3, 200000), text(4, 300001))},
	} {
		t.Run(c.name, func(t *testing.T) {
			packed, streams := write(t, c.plain, 2)
			r, err := NewReader(bytes.NewReader(packed), int64(len(packed)), streams, int64(len(c.plain)), ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			same(t, "parallel", r, c.plain)
			same(t, "sequential", NewSequential(context.Background(), bytes.NewReader(packed)), c.plain)
			oracle, err := xz.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "ulikunitz", oracle, c.plain)
		})
	}
}

func same(t *testing.T, what string, r io.Reader, want []byte) {
	t.Helper()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes of %d, error %v", what, len(got), len(want), err)
	}
}

func TestSameForAnyJobs(t *testing.T) {
	plain := text(5, 400_000)
	want, table := writeCut(t, plain, 1, 160_000, 120_000, 130_000, 100, 110_000)
	got, other := writeCut(t, plain, 7, 160_000, 120_000, 130_000, 100, 110_000)
	if !bytes.Equal(got, want) || !slices.Equal(table, other) {
		t.Error("output depends on jobs")
	}
	if len(table) != 3 || table[1].Plain != 130_000 || table[2].Plain != 290_000 {
		t.Errorf("cut at %v", table)
	}
}

// TestStockXZ reads ours with xz, and what xz writes in our form with ours.
func TestStockXZ(t *testing.T) {
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("no xz here")
	}
	plain := slices.Concat(text(6, 200_000), noise(6, 80_000), text(7, 300_000))
	packed, _ := write(t, plain, 2)
	for _, args := range [][]string{{"-dc"}, {"-dc", "-T2"}} {
		cmd := exec.Command("xz", args...)
		cmd.Stdin = bytes.NewReader(packed)
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("xz %v: %d bytes, %v", args, len(got), err)
		}
	}
	for _, preset := range []string{"-0", "-6", "-9e", "--lzma2=lc=0,lp=4,pb=0,dict=64KiB", "--lzma2=lc=4,lp=0,pb=4,mf=bt4,nice=273"} {
		cmd := exec.Command("xz", "-c", "-T2", "--block-size=16777216", preset) // -T writes the sizes
		cmd.Stdin = bytes.NewReader(plain)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "xz "+preset, NewSequential(context.Background(), bytes.NewReader(reframe(t, out))), plain)
	}
}

// reframe gives C xz's stream our spelling: the threaded encoder pads the sizes
// in its block header.
func reframe(t *testing.T, in []byte) []byte {
	t.Helper()
	n := int(in[edgeSize])*4 + 4
	h := in[edgeSize : edgeSize+n]
	filter := bytes.IndexByte(h[2:], filterID) + 2
	for h[filter+1] != 1 {
		filter += bytes.IndexByte(h[filter+1:], filterID) + 1
	}
	r, err := xz.NewReader(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	data := in[edgeSize+n:]
	for packed := 1; packed < len(data); packed++ {
		b := block{int64(packed), int64(len(plain)), h[filter+2]}
		if b.size() == int64(len(in))-int64(n)+int64(len(b.header())) && packed%4 == 0 {
			for k := packed; k > packed-4; k-- {
				b.packed = int64(k)
				var d decoder
				if d.lzma.unpack(make([]byte, len(plain)), data[:k], dictSize(b.dict), nil) == nil {
					return slices.Concat(streamHeader, b.header(), data[:k], b.tail(checksum(plain)))
				}
			}
		}
	}
	t.Fatal("cannot reframe")
	return nil
}

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("disk is full")
	}
	return len(p), nil
}

func TestWriterError(t *testing.T) {
	w := newWriter(&failing{1000}, WriterOptions{Jobs: 2}, 10_000)
	w.Write(text(1, 300_000))
	err := w.Close()
	if err == nil || err.Error() != "disk is full" || w.Close() == nil {
		t.Errorf("Close: %v", err)
	}
	if NewWriter(io.Discard, WriterOptions{}).Close() == nil {
		t.Error("an empty writer closes without error")
	}
}

// TestEveryByte flips each byte of a stream: all of them are looked at.
func TestEveryByte(t *testing.T) {
	plain := text(8, 3000)
	packed, streams := write(t, plain, 1)
	for i := range packed {
		bad := bytes.Clone(packed)
		bad[i] ^= 1 << (i % 8)
		if _, err := io.ReadAll(NewSequential(context.Background(), bytes.NewReader(bad))); err == nil {
			t.Fatalf("byte %d: flipped unseen", i)
		}
		r, err := NewReader(bytes.NewReader(bad), int64(len(bad)), streams, int64(len(plain)), ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err == nil || len(got) > 0 {
			t.Fatalf("byte %d: flipped, %d bytes given, %v", i, len(got), err)
		}
		r.Close()
	}
}

func TestTruncated(t *testing.T) {
	packed, _ := write(t, text(9, 2000), 1)
	for n := range packed {
		if _, err := io.ReadAll(NewSequential(context.Background(), bytes.NewReader(packed[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d of %d bytes: %v", n, len(packed), err)
		}
	}
	if _, err := io.ReadAll(NewSequential(context.Background(), bytes.NewReader(append(packed, 0, 0, 0, 0)))); err == nil {
		t.Error("stream padding is accepted")
	}
}

func TestBombs(t *testing.T) {
	plain := make([]byte, 1<<20)
	packed, _ := write(t, plain, 1)
	b, n, err := parseBlock(packed[edgeSize:])
	if err != nil {
		t.Fatal(err)
	}
	data := packed[edgeSize+n:][:b.packed]
	for name, lie := range map[string]block{
		"plain size too small": {b.packed, 4096, b.dict}, "plain size too large": {b.packed, MaxStream + 1, b.dict},
		"packed size too large": {1 << 40, b.plain, b.dict}, "dictionary of 4 GiB": {b.packed, b.plain, 40}, "dictionary of 96 MiB": {b.packed, b.plain, 29},
		"dictionary property unknown": {b.packed, b.plain, 41}, "dictionary too small": {b.packed, b.plain + 1, b.dict},
	} {
		bad := slices.Concat(streamHeader, lie.header(), data, lie.tail(checksum(plain)))
		if got, err := io.ReadAll(NewSequential(context.Background(), bytes.NewReader(bad))); err == nil || len(got) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestStreamTable(t *testing.T) {
	for i, table := range [][]Stream{nil, {{0, 1}}, {{1, 0}}, {{0, 0}, {0, 5}}, {{0, 0}, {50, 0}}, {{0, 0}, {50, 100}}, {{0, 0}, {101, 50}}, {{0, 0}, {99, 50}, {40, 60}}} {
		if CheckStreams(100, table, 100) == nil {
			t.Errorf("table %d is accepted: %v", i, table)
		}
	}
	if CheckStreams(100, []Stream{{0, 0}}, MaxStream+1) == nil || CheckStreams(100, []Stream{{0, 0}, {50, 40}}, 100) != nil {
		t.Error("limits are off")
	}
}

// TestSlots reads far more streams than there are slots, and closes early.
func TestSlots(t *testing.T) {
	var packed, plain []byte
	var table []Stream
	for i := range 60 {
		p := text(uint64(i), 5000+i)
		x, _ := write(t, p, 1)
		table = append(table, Stream{int64(len(packed)), int64(len(plain))})
		packed, plain = append(packed, x...), append(plain, p...)
	}
	for _, memory := range []int64{1, 20000, 1 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			for _, n := range []int64{0, 9000, int64(len(plain))} {
				r, err := NewReader(bytes.NewReader(packed), int64(len(packed)), table, int64(len(plain)), ReaderOptions{Jobs: 4, MaxMemory: memory})
				if err != nil {
					t.Fatal(err)
				}
				same(t, "part", io.LimitReader(r, n), plain[:n])
				r.Close()
				if _, err := r.Read(make([]byte, 1)); err == nil {
					t.Error("read after Close")
				}
			}
		})
	}
}

// TestPackProves: an encoder at fault is found before anything is written.
func TestPackProves(t *testing.T) {
	var k packer
	stream, _, err := k.pack(nil, []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.prove(stream, []byte("other")); err == nil {
		t.Error("a stream of something else was taken")
	}
	stream[edgeSize+20] ^= 1
	if err := k.prove(stream, []byte("plain")); err == nil {
		t.Error("a damaged stream was taken")
	}
}

// TestJobsWithinMemory: each job and what is shared fit into MaxMemory, down to
// one job, which always runs.
func TestJobsWithinMemory(t *testing.T) {
	for memory, want := range map[int64]int{
		1: 1, LeastMemory: 1, LeastMemory + jobMemory - 1: 1, LeastMemory + jobMemory: 2, 1 << 40: 7,
	} {
		if got := jobCount(WriterOptions{Jobs: 7, MaxMemory: memory}); got != want {
			t.Errorf("%d jobs in %d bytes, want %d", got, memory, want)
		}
	}
}

// TestWriterMemory: the writer's buffers and tables stay within what it states.
func TestWriterMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	w := NewWriter(io.Discard, WriterOptions{Jobs: 1, Progress: func(int64) {
		runtime.GC()
		runtime.ReadMemStats(&after)
		most = max(most, after.HeapAlloc)
	}})
	zeros := make([]byte, 1<<20) // room is made for the worst, so what it holds does not matter
	for range 5 * StreamSize / 2 >> 20 {
		w.Write(zeros)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if used := most - before.HeapAlloc; used > LeastMemory {
		t.Errorf("%d MiB in use, stated are %d", used>>20, LeastMemory>>20)
	} else {
		t.Logf("%d MiB in use", used>>20)
	}
}

// TestProgress tells of every byte once, as it is written.
func TestProgress(t *testing.T) {
	var told int64
	plain := text(8, 100_000)
	w := newWriter(io.Discard, WriterOptions{Jobs: 2, Progress: func(n int64) { told += n }}, 30_000)
	w.Write(plain)
	if err := w.Close(); err != nil || told != int64(len(plain)) {
		t.Errorf("%d bytes told of %d, %v", told, len(plain), err)
	}
}
