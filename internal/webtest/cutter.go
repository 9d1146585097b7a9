package webtest

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// Cutter is a wire that breaks: it passes connections on, and cuts each when so many
// bytes have come back through it.
type Cutter struct {
	Addr string
	cuts atomic.Int64
}

// Cuts is how many connections it has cut.
func (c *Cutter) Cuts() int64 { return c.cuts.Load() }

// Cut leads to the server at to.
func Cut(t testing.TB, to string, after int64) *Cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &Cutter{Addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(conn, to, after)
		}
	}()
	return c
}

func (c *Cutter) pass(near net.Conn, to string, after int64) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	go io.Copy(far, near)
	if n, _ := io.CopyN(near, far, after); n == after {
		c.cuts.Add(1)
		near.(*net.TCPConn).SetLinger(0) // a reset, as of a cable pulled and a firewall that forgot
	}
}
