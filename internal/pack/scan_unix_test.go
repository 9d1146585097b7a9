//go:build unix

package pack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/fault"
)

// TestScanRefuses has every kind of path that no manifest may have.
func TestScanRefuses(t *testing.T) {
	r, dir := tree(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, dir, "good/f", "x")
	write(t, dir, "suid", "x")
	write(t, dir, "sgid", "x")
	write(t, dir, "back\\slash", "x")
	write(t, dir, "non-utf8-\xff", "x")
	write(t, dir, "line\nend", "x")
	write(t, dir, "NUL.txt", "x")
	write(t, dir, "Case", "x")
	write(t, dir, "case", "x")
	err := errors.Join(
		os.Chmod(at("suid"), 0o755|os.ModeSetuid), os.Chmod(at("sgid"), 0o755|os.ModeSetgid),
		unix.Mkfifo(at("fifo"), 0o600),
		os.WriteFile(at("writeonly"), nil, 0o600), os.Chmod(at("writeonly"), 0o200), os.Mkdir(at("unlistable"), 0o300), os.Mkdir(at("unsearchable"), 0o600),
		os.Mkdir(at("readonly"), 0o555), os.Symlink("updates/packlift", at("alias")), os.Symlink("good", at("bin")), os.WriteFile(at(".packlift-tmp-x"), nil, 0o600),
		os.Symlink("/etc/passwd", at("absolute")), os.Symlink("../x", at("leaves")), os.Symlink("good/../../x", at("climbs")), os.Symlink("good/f", at("fine")),
		os.Link(at("good/f"), at("hard")),
	)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	want := map[string]string{
		"suid": "setuid", "sgid": "setgid", "back\\slash": "Windows", "non-utf8-\xff": "UTF-8", "line\nend": "control", "NUL.txt": "device", "case": "differ only in case",
		"fifo": "fifo", "socket": "socket", "absolute": "absolute", "leaves": "leaves", "climbs": "up again",
		"writeonly": "0200", "unlistable": "0300", "unsearchable": "0600", "alias": "belongs to the pack", "bin": "bin is a folder", ".packlift-tmp-x": "a run's own",
	}
	if unix.Mknod(at("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) == nil {
		want["device"] = "device"
	} else {
		t.Log("no device was made: not permitted here")
	}
	_, err = Scan(r, ScanOptions{Hash: true})
	wantClass(t, "scan", err, fault.General)
	for p, why := range want {
		line := fmt.Sprintf("%q: ", p)
		i := strings.Index(err.Error(), line)
		if i < 0 || !strings.Contains(strings.SplitN(err.Error()[i:], "\n", 2)[0], why) {
			t.Errorf("%q is not refused as %q in:\n%v", p, why, err)
		}
	}
	if head := fmt.Sprintf("%d paths cannot", len(want)); !strings.Contains(err.Error(), head) {
		t.Errorf("not %q: %v", head, err)
	}
	refused := 0
	list, err := Scan(r, ScanOptions{Hash: true, Refused: func(string, error) { refused++ }})
	if err != nil || refused != len(want) || strings.Join(paths(list), ",") != "f Case,s fine,d good,f good/f,f hard,d readonly" {
		t.Errorf("%v, %d, %v", paths(list), refused, err)
	}
	for _, p := range []string{"suid", "fifo", "absolute", "leaves", "socket"} {
		if e, err := EntryAt(r, p, true); e != nil || !IsRefused(err) {
			t.Errorf("EntryAt %s: %+v, %v", p, e, err)
		}
	}
}

func TestScanNamesTwenty(t *testing.T) {
	r, dir := tree(t)
	for i := range 25 {
		write(t, dir, fmt.Sprintf("a:%02d", i), "")
	}
	_, err := Scan(r, ScanOptions{})
	if err == nil || strings.Count(err.Error(), "\n") != 21 || !strings.Contains(err.Error(), "and 5 more") || !strings.Contains(err.Error(), "25 paths") {
		t.Errorf("%v", err)
	}
}
