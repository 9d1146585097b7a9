package xzpar

import (
	"bytes"
	"sync"
	"testing"
)

type mapCache struct {
	sync.Mutex
	m          map[string][]byte
	hits, puts int
}

func (c *mapCache) Get(name string) []byte {
	c.Lock()
	defer c.Unlock()
	if s := c.m[name]; s != nil {
		c.hits++
		return s
	}
	return nil
}

func (c *mapCache) Put(name string, s []byte) {
	c.Lock()
	defer c.Unlock()
	c.m[name] = bytes.Clone(s)
	c.puts++
}

func packedWith(t *testing.T, plain []byte, c Cache, quick bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w := newWriter(&out, WriterOptions{Jobs: 2, Quick: quick, Cache: c}, 1<<16)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// With a cache, a filled one, or one whose entries are spoiled or another's, the bytes are the same.
func TestCache(t *testing.T) {
	plain := bytes.Repeat([]byte("some bytes that repeat, but not only; "), 5000)
	for i := range plain {
		plain[i] += byte(i >> 9)
	}
	want := packedWith(t, plain, nil, true)
	c := &mapCache{m: map[string][]byte{}}
	same := func(what string, hits, puts int) {
		t.Helper()
		if got := packedWith(t, plain, c, true); !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes", what)
		}
		if c.hits != hits || c.puts != puts {
			t.Errorf("%s: %d hits, %d puts, want %d and %d", what, c.hits, c.puts, hits, puts)
		}
		c.hits, c.puts = 0, 0
	}
	n := (len(plain) + 1<<16 - 1) >> 16
	same("empty", 0, n)
	same("filled", n, 0)
	for _, s := range c.m {
		s[len(s)/2] ^= 1
	}
	same("spoiled", n, n)
	var names []string
	for name := range c.m {
		names = append(names, name)
	}
	c.m[names[0]], c.m[names[1]] = c.m[names[1]], c.m[names[0]]
	same("exchanged", n, 2)
	if packedWith(t, plain, c, false); c.hits != 0 {
		t.Error("the thorough encoder took what the quick one had packed")
	}
}
