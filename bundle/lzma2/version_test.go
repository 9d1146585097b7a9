package lzma2

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
)

// A change of what is encoded fails here: raise Version, then put the new digests in.
func TestVersion(t *testing.T) {
	plain := bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, "), 3000)
	seed := uint32(1)
	for i := range plain {
		if seed = seed*1664525 + 1013904223; seed>>28 == 0 {
			plain[i] = byte(seed >> 16)
		}
	}
	for quick, want := range map[bool]string{
		false: "1: fcaa024ff64d0e9fbbec14504fa573477b95933bf10899abb6237b304abedf9d",
		true:  "1: 651ba996bea8866f1976777c460e8f2c37df9a71686a702a72f38f18410394b1",
	} {
		e := Encoder{Quick: quick}
		b, err := e.Encode(nil, plain)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d: %x", Version, sha256.Sum256(b)); got != want {
			t.Errorf("quick %t: %s, want %s", quick, got, want)
		}
	}
}
