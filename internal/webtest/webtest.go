// Package webtest lets tests meet the programs that depots are served with: nginx,
// a proxy, and a wire that breaks. A program that is missing skips the test.
package webtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Server is nginx, serving a folder over HTTP and HTTPS.
type Server struct {
	HTTP, HTTPS string // host and port; the name is 127.0.0.1
	Closed      string // HTTPS that wants a client certificate
	CA          string // file, PEM
	ClientCert  string // file, PEM
	ClientKey   string
	access      string
}

// Need skips the test where one of the programs is missing.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("there is no %s here (.ci/needs.sh installs it)", p)
		}
	}
}

const nginxConf = `daemon off; master_process off; worker_processes 1; pid "%[1]s/nginx.pid"; error_log "%[1]s/error.log"; %[2]s
events { worker_connections 256; }
http {
  default_type application/octet-stream; log_format asked '$status "$remote_user" "$request_uri" "$http_range" $body_bytes_sent';
  access_log "%[1]s/access.log" asked; sendfile on; gzip on; gzip_types *; gzip_min_length 1;
  client_body_temp_path "%[1]s/body"; proxy_temp_path "%[1]s/p"; fastcgi_temp_path "%[1]s/f"; uwsgi_temp_path "%[1]s/u"; scgi_temp_path "%[1]s/s";
  server {
    listen %[3]s; listen %[4]s ssl; ssl_certificate "%[1]s/depot.pem"; ssl_certificate_key "%[1]s/depot.key";
    location / { root "%[5]s"; auth_basic depot; auth_basic_user_file "%[1]s/passwords"; }
    location /open/ { alias "%[5]s/"; }
    location /token/ { if ($http_authorization != "Bearer %[7]s") { return 401; } alias "%[5]s/"; }
    location /slow/ { alias "%[5]s/"; limit_rate 300k; }
    location /moved/ { return 302 /open/; }
  }
  server {
    listen %[6]s ssl; ssl_certificate "%[1]s/depot.pem"; ssl_certificate_key "%[1]s/depot.key";
    ssl_client_certificate "%[1]s/client.pem"; ssl_verify_client on; root "%[5]s";
  }
}
`

// Token is the bearer token that opens /token/.
const Token = "eyJhbGciOi.J9-_~+/webtest-token-77=="

// Nginx serves dir: to user with password, under /token/ to who shows Token, under /open/ to everybody, under /slow/ slowly.
func Nginx(t testing.TB, dir, user, password string) *Server {
	t.Helper()
	Need(t, "nginx", "htpasswd")
	top := t.TempDir()
	makeCertificates(t, top)
	hash := exec.Command("htpasswd", "-ci", filepath.Join(top, "passwords"), user)
	hash.Stdin = strings.NewReader(password + "\n")
	if out, err := hash.CombinedOutput(); err != nil {
		t.Fatalf("htpasswd: %v\n%s", err, out)
	}
	asRoot := ""
	if os.Geteuid() == 0 {
		asRoot = "user root;"
	}
	s := &Server{HTTP: port(t), HTTPS: port(t), Closed: port(t), CA: filepath.Join(top, "depot.pem"),
		ClientCert: filepath.Join(top, "client.pem"), ClientKey: filepath.Join(top, "client.key"), access: filepath.Join(top, "access.log")}
	conf := filepath.Join(top, "nginx.conf")
	write(t, conf, fmt.Sprintf(nginxConf, top, asRoot, s.HTTP, s.HTTPS, dir, s.Closed, Token))
	start(t, top, s.HTTPS, filepath.Join(top, "error.log"), "nginx", "-p", top, "-c", conf, "-e", filepath.Join(top, "error.log"))
	return s
}

// Asked waits until nginx's log tells of so many requests of a kind; a line, which is written
// some time after its answer, holds status, user, path, range and bytes sent.
func (s *Server) Asked(t testing.TB, least int, kind func(line string) bool) {
	t.Helper()
	waitForLog(t, s.access, func(text string) bool {
		n := 0
		for line := range strings.Lines(text) {
			if kind(line) {
				n++
			}
		}
		return n >= least
	})
}

// patience is how long is waited for what a server will do soon, on a machine that does other things first.
const patience = 2 * time.Minute

func waitForLog(t testing.TB, name string, enough func(text string) bool) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(name)
		if err == nil && enough(string(text)) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s lacks what was asked (%v):\n%s", name, err, text)
		}
	}
}

// start runs a server in dir until the test ends, and waits until it listens.
func start(t testing.TB, dir, addr, log, program string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
		default:
			if time.Now().Before(until) {
				continue
			}
		}
		text, _ := os.ReadFile(log)
		t.Fatalf("%s does not listen on %s: %s\n%s", program, addr, &out, text)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
