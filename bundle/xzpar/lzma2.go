package xzpar

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errDistance = errors.New("LZMA2: a match points before the data or beyond the dictionary")
	errLonger   = errors.New("LZMA2: data is longer than stated")
	errDamaged  = errors.New("LZMA2: damaged data")
)

// unpack decodes src, one whole LZMA2 chunk sequence with its end byte, into
// dst, which it must fill exactly. dst is its own dictionary, so that nothing
// is allocated; dict bounds the distances all the same. Before each chunk, which
// holds at most 2 MiB, it tells before, where it is not nil, how much came out, and ends
// with its error.
func (d *lzmaDecoder) unpack(dst, src []byte, dict int64, before func(done int) error) error {
	*d = lzmaDecoder{dst: dst, dict: int(dict), needDict: true, needProps: true}
	for {
		if len(src) == 0 {
			return errShort
		}
		if before != nil {
			if err := before(d.pos); err != nil {
				return err
			}
		}
		control := src[0]
		if control == 0 {
			return d.finish(len(src) - 1)
		}
		n, err := d.chunk(control, src)
		if err != nil {
			return err
		}
		src = src[n:]
	}
}

func (d *lzmaDecoder) finish(left int) error {
	if left != 0 {
		return fmt.Errorf("LZMA2: %d bytes follow the end", left)
	}
	if d.pos != len(d.dst) {
		return fmt.Errorf("LZMA2: %d bytes came out, %d were stated", d.pos, len(d.dst))
	}
	return nil
}

// chunk decodes the chunk at the front of src and returns its length (LZMA2 in
// liblzma's lzma2_decoder.c).
func (d *lzmaDecoder) chunk(control byte, src []byte) (int, error) {
	if control == 1 || control >= 0xE0 {
		d.base, d.needDict, d.needProps = d.pos, false, true
	} else if d.needDict {
		return 0, errDamaged
	}
	if control < 0x80 {
		return d.stored(control, src)
	}
	head := 5
	if control >= 0xC0 {
		head = 6
	}
	if len(src) < head {
		return 0, errShort
	}
	plain := int(control&0x1F)<<16 + int(binary.BigEndian.Uint16(src[1:])) + 1
	packed := int(binary.BigEndian.Uint16(src[3:])) + 1
	if err := d.resets(control, src[head-1]); err != nil {
		return 0, err
	}
	if len(src) < head+packed {
		return 0, errShort
	}
	return head + packed, d.compressed(plain, src[head:head+packed])
}

func (d *lzmaDecoder) stored(control byte, src []byte) (int, error) {
	if control > 2 || len(src) < 3 {
		return 0, errDamaged
	}
	n := int(binary.BigEndian.Uint16(src[1:])) + 1
	if len(src) < 3+n {
		return 0, errShort
	}
	if n > len(d.dst)-d.pos {
		return 0, errLonger
	}
	d.pos += copy(d.dst[d.pos:], src[3:3+n])
	return 3 + n, nil
}

func (d *lzmaDecoder) resets(control, props byte) error {
	switch {
	case control >= 0xC0:
		if err := d.setProps(props); err != nil {
			return err
		}
		d.needProps = false
		d.reset()
	case d.needProps:
		return errDamaged
	case control >= 0xA0:
		d.reset()
	}
	return nil
}
