package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// makeTrees writes a nearly empty tree and one of about size bytes: files of
// 4 KiB to 32 MiB, of which by bytes one third is text, one third like
// programs (short runs that repeat) and one third random, as archives are.
// The same size gives the same bytes.
func makeTrees(from, to string, size int64) error {
	for _, dir := range []string{from, to} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "README.txt"), []byte("a made tree\n"), 0o644); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for n := 0; size > 0; n++ {
		length := min(size, int64(4<<10)<<random.IntN(14))
		dir := filepath.Join(to, fmt.Sprintf("part-%02d", n%50))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := makeFile(filepath.Join(dir, fmt.Sprintf("file-%06d", n)), n%3, length, random); err != nil {
			return err
		}
		size -= length
	}
	return nil
}

// makeFile writes one file of a kind: 0 text, 1 like a program, 2 random.
func makeFile(name string, kind int, length int64, random *rand.Rand) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	piece := make([]byte, 0, 64)
	for left := length; left > 0; left -= int64(len(piece)) {
		piece = appendPiece(piece[:0], kind, random)
		piece = piece[:min(int64(len(piece)), left)]
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// appendPiece appends some bytes of a kind; at least one.
func appendPiece(b []byte, kind int, random *rand.Rand) []byte {
	switch kind {
	case 0: // words, the short numbers much oftener
		word := uint64(random.ExpFloat64() * 400)
		return append(fmt.Appendf(b, "%x", word*2654435761%(1<<28)), ' ')
	case 1: // a few fixed bytes, then operands
		code := byte(random.ExpFloat64() * 12)
		return append(b, 0x48, 0x8b, code, code, 0, byte(random.Uint32()), code<<1, 0)
	}
	for range 8 {
		n := random.Uint64()
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), byte(n>>32), byte(n>>40), byte(n>>48), byte(n>>56))
	}
	return b
}
