package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// nginx serves a folder, and notes what it was asked for.
type nginx struct {
	url string
	log string
	cmd *exec.Cmd
}

const nginxConf = `daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log; %[2]s
events { worker_connections 256; }
http {
  log_format asked '$status $body_bytes_sent $uri'; access_log %[1]s/access.log asked; sendfile on; default_type application/octet-stream;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[3]s; root %[4]s; }
}
`

// startNginx serves root on a port of its own; its files lie in dir.
func startNginx(dir, root string) (*nginx, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, user, addr, root), 0o644); err != nil {
		return nil, err
	}
	n := &nginx{url: "http://" + addr, log: filepath.Join(dir, "access.log"), cmd: exec.Command("nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	for range 250 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return n, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	n.stop()
	text, _ := os.ReadFile(filepath.Join(dir, "error.log"))
	return nil, fmt.Errorf("nginx does not listen: %s", text)
}

func (n *nginx) stop() { n.cmd.Process.Kill(); n.cmd.Wait() }

// forget empties its notes.
func (n *nginx) forget() error { return os.Truncate(n.log, 0) }

// lines are its notes: status, bytes, path.
func (n *nginx) lines() (out [][]string, err error) {
	time.Sleep(50 * time.Millisecond) // a line is written when its answer is out
	data, err := os.ReadFile(n.log)
	for line := range bytes.Lines(data) {
		if f := strings.Fields(string(line)); len(f) == 3 {
			out = append(out, f)
		} else {
			err = errors.Join(err, fmt.Errorf("%s: %q", n.log, line))
		}
	}
	return out, err
}

// asked are the paths that it was asked for.
func (n *nginx) asked() (out []string, err error) {
	list, err := n.lines()
	for _, f := range list {
		out = append(out, strings.TrimPrefix(f[2], "/"))
	}
	return out, err
}

// sent is how many bytes of files it gave.
func (n *nginx) sent() (total int64, err error) {
	list, err := n.lines()
	for _, f := range list {
		var size int64
		if _, err := fmt.Sscan(f[1], &size); err != nil {
			return 0, err
		}
		if f[0] == "200" || f[0] == "206" {
			total += size
		}
	}
	return total, err
}
