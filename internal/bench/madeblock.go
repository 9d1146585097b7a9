package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"

	"packlift/bundle/delta/deflate"
)

// madeBlock is about the size of what is made at a time; of a jar, of an entry.
const madeBlock = 4096

// madeWriter makes blocks.
type madeWriter struct {
	w      io.Writer
	jar    *zip.Writer
	packer *deflate.Writer
	packed bytes.Buffer
	buf    []byte
	words  [][]byte
	codes  [][]byte
}

// newMadeWriter makes the words and instructions that all blocks are made of.
func newMadeWriter() *madeWriter {
	m := &madeWriter{}
	r := rand.New(rand.NewPCG(1, 1))
	for range 6000 {
		var word []byte
		for range 1 + r.IntN(4) {
			word = append(word, "bcdfghklmnprstvw"[r.IntN(16)], "aeiou"[r.IntN(5)])
		}
		m.words = append(m.words, word)
	}
	for range 700 {
		code := make([]byte, 1+r.IntN(4))
		for i := range code {
			code[i] = byte(r.Uint32())
		}
		m.codes = append(m.codes, code)
	}
	return m
}

// spread is a number between least and most, of each magnitude as likely.
func spread(r *rand.Rand, least, most float64) float64 {
	return least * math.Exp(r.Float64()*math.Log(most/least))
}

// few picks one of n, the first ones much oftener.
func few(r *rand.Rand, n int) int { return int(spread(r, 1, float64(n+1))) - 1 }

func (m *madeWriter) start(w io.Writer, f madeFile) {
	if m.w = w; f.kind() == madeJar {
		m.jar = zip.NewWriter(w)
	}
}

func (m *madeWriter) finish(f madeFile) error {
	if f.kind() == madeJar {
		return m.jar.Close()
	}
	return nil
}

// block writes the nth block of about size bytes.
func (m *madeWriter) block(kind, n, size int, r *rand.Rand) error {
	m.buf = m.buf[:0]
	switch kind {
	case madeText:
		m.text(size, r)
	case madeNative:
		m.native(size, r)
	case madeNoise:
		for len(m.buf) < size {
			m.buf = binary.LittleEndian.AppendUint64(m.buf, r.Uint64())
		}
	case madeJar:
		m.class(2*size, r) // is half of it when packed
		return m.entry(n)
	}
	_, err := m.w.Write(m.buf)
	return err
}

func (m *madeWriter) text(size int, r *rand.Rand) {
	for len(m.buf) < size {
		m.buf = append(append(m.buf, m.words[few(r, len(m.words))]...), " .,;()=\n"[few(r, 8)])
	}
}

// native is instructions with operands, as a program holds.
func (m *madeWriter) native(size int, r *rand.Rand) {
	for len(m.buf) < size {
		m.buf = append(m.buf, m.codes[few(r, len(m.codes))]...)
		switch r.IntN(4) {
		case 0:
			m.buf = append(m.buf, byte(few(r, 256)))
		case 1:
			m.buf = binary.LittleEndian.AppendUint32(m.buf, uint32(few(r, 1<<20)))
		}
	}
}

// class is a pool of names, then short instructions, as a class file holds.
func (m *madeWriter) class(size int, r *rand.Rand) {
	m.buf = append(m.buf, 0xCA, 0xFE, 0xBA, 0xBE)
	for len(m.buf) < size*2/3 {
		word := m.words[few(r, len(m.words))]
		m.buf = append(append(m.buf, 1, 0, byte(len(word))), word...)
	}
	for len(m.buf) < size {
		m.buf = append(append(m.buf, m.codes[few(r, 200)]...), 0, byte(few(r, 256)))
	}
}

// entry writes the block as an entry of a jar, deflated as Java does.
func (m *madeWriter) entry(n int) (err error) {
	m.packed.Reset()
	settings := deflate.Params{Level: 6, Memory: 8}
	if m.packer == nil {
		m.packer, err = deflate.NewWriter(&m.packed, settings)
	} else {
		err = m.packer.Reset(&m.packed, settings)
	}
	if err != nil {
		return err
	}
	if _, err := m.packer.Write(m.buf); err != nil {
		return err
	}
	if err := m.packer.Close(); err != nil {
		return err
	}
	e, err := m.jar.CreateRaw(&zip.FileHeader{
		Name: fmt.Sprintf("org/example/made/%s/Class%d.class", m.words[n%50], n), Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(m.buf),
		CompressedSize64: uint64(m.packed.Len()), UncompressedSize64: uint64(len(m.buf)),
	})
	if err != nil {
		return err
	}
	_, err = e.Write(m.packed.Bytes())
	return err
}
