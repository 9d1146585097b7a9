package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// bench holds the tools, keys and folders of one run.
type bench struct {
	work      string
	runs      int
	recipient string
}

// row is what one transition gave; ours beside the stock tools'.
type row struct {
	name                  string
	files                 int
	bytes                 int64 // of the changed and added files
	size, peerSize        int64 // bundle less its tools; tar.xz.age
	create, verify, apply pair
}

type pair struct{ ours, peer cost }

func (b *bench) path(elem ...string) string {
	return filepath.Join(append([]string{b.work}, elem...)...)
}

func (b *bench) tool(name string) string { return b.path("bin", name) }

// prepare builds the binaries and makes keys, a trust set and an identity.
func (b *bench) prepare() error {
	for _, argv := range [][]string{
		{"make", "--no-print-directory", "build", "BIN=" + b.path("bin")},
		{b.tool("packlift-export"), "keygen", "--name", "vendor", "-o", b.path("keys")},
		{b.tool("packlift-export"), "trust", "new", "--signer", "vendor=" + b.path("keys", "vendor.pub"), "-o", b.path("trust")},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
		}
	}
	out, err := exec.Command(b.tool("packlift-import"), "keygen", "-o", b.path("identity")).Output()
	if err != nil {
		return fmt.Errorf("keygen: %w", err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "age1") {
			b.recipient = word
		}
	}
	data, err := os.ReadFile(b.tool("packlift-import"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.path("tools"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.path("tools", "packlift-import_"+runtime.GOOS+"_"+runtime.GOARCH), data, 0o755)
}

func layBoth(packs, product, oldVersion, newVersion, from, to string) error {
	for dir, version := range map[string]string{from: oldVersion, to: newVersion} {
		if out, err := exec.Command(packs, product, version, dir).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s %s: %w\n%s", packs, product, version, err, out)
		}
	}
	return nil
}

// measureAll measures one transition, the stock tools first.
func (b *bench) measureAll(name, product, from, to string) (row, error) {
	r := row{name: name}
	changed, size, err := changes(from, to)
	if err != nil {
		return r, err
	}
	r.files, r.bytes = len(changed), size
	bundle, archive := b.path("bundle.packlift"), b.path("peer.tar.xz.age")
	if err := os.WriteFile(b.path("changed"), []byte(strings.Join(changed, "\x00")+"\x00"), 0o644); err != nil {
		return r, err
	}
	for _, step := range []func() error{
		func() error { return b.creates(&r, product, from, to, bundle, archive) },
		func() error { return b.verifies(&r, bundle) },
		func() error { return b.applies(&r, product, from, bundle, archive) },
		func() (err error) { r.size, err = lessTools(bundle); return err },
		func() error { info, err := os.Stat(archive); r.peerSize = sizeOf(info); return err },
	} {
		if err := step(); err != nil {
			return r, err
		}
	}
	return r, nil
}

func sizeOf(info fs.FileInfo) int64 {
	if info == nil {
		return 0
	}
	return info.Size()
}

func (b *bench) creates(r *row, product, from, to, bundle, archive string) (err error) {
	r.create.peer, err = b.median(nil, "bash", "-o", "pipefail", "-c",
		`tar -C "$1" --null -T "$2" -cf - | xz -6 -T0 | age -r "$3" > "$4"`, "bash", to, b.path("changed"), b.recipient, archive)
	if err != nil {
		return err
	}
	r.create.ours, err = b.median(nil, b.tool("packlift-export"), "create-update", "--from", from, "--to", to, "--product", product,
		"-s", "0", "-e", "10", "-r", b.recipient, "--sign-key", b.path("keys", "vendor"), "--tools", b.path("tools"), "-o", bundle)
	return err
}

func (b *bench) verifies(r *row, bundle string) (err error) {
	if r.verify.peer, err = b.median(nil, "openssl", "dgst", "-sha256", bundle); err != nil {
		return err
	}
	r.verify.ours, err = b.median(nil, b.tool("packlift-import"), "verify", "--trust", b.path("trust"), bundle)
	return err
}

// applies unpacks and applies to a fresh place each time.
func (b *bench) applies(r *row, product, from, bundle, archive string) (err error) {
	out := b.path("out")
	fresh := func() error {
		if err := os.RemoveAll(out); err != nil {
			return err
		}
		return os.Mkdir(out, 0o755)
	}
	r.apply.peer, err = b.median(fresh, "bash", "-o", "pipefail", "-c",
		`age -d -i "$1" "$2" | xz -d -T0 | tar -xf - -C "$3"`, "bash", b.path("identity"), archive, out)
	if err != nil {
		return err
	}
	pack := func() error {
		if err := fresh(); err != nil {
			return err
		}
		if msg, err := exec.Command("cp", "-a", from+"/.", out).CombinedOutput(); err != nil {
			return fmt.Errorf("cp: %w\n%s", err, msg)
		}
		msg, err := exec.Command(b.tool("packlift-import"), "init", "--pack", out, "--product", product, "--level", "0",
			"--trust", b.path("trust"), "--yes").CombinedOutput()
		if err != nil {
			return fmt.Errorf("init: %w\n%s", err, msg)
		}
		return exec.Command("sync").Run()
	}
	r.apply.ours, err = b.median(pack, b.tool("packlift-import"), "apply-update", "--pack", out, "-i", b.path("identity"), bundle)
	if err != nil {
		return err
	}
	return os.RemoveAll(out)
}

// lessTools gives the bundle's size without the part that carries the tools.
func lessTools(bundle string) (int64, error) {
	f, err := os.Open(bundle)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			return 0, err
		}
		if h.Name == "tools.tar.xz.age" {
			return info.Size() - h.Size, nil
		}
	}
}

// changes lists the files of to that from lacks or has otherwise, and their bytes.
func changes(from, to string) ([]string, int64, error) {
	var names []string
	var total int64
	err := filepath.WalkDir(to, func(full string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(to, full)
		if err != nil {
			return err
		}
		equal, size, err := equalFiles(filepath.Join(from, name), full)
		if err == nil && !equal {
			names = append(names, "./"+name)
			total += size
		}
		return err
	})
	return names, total, err
}

// equalFiles compares two files; one that is missing is not equal. size is b's.
func equalFiles(a, b string) (equal bool, size int64, err error) {
	right, err := os.Open(b)
	if err != nil {
		return false, 0, err
	}
	defer right.Close()
	info, err := right.Stat()
	if err != nil {
		return false, 0, err
	}
	left, err := os.Open(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, info.Size(), nil
	}
	if err != nil {
		return false, 0, err
	}
	defer left.Close()
	equal, err = equalReaders(left, right)
	return equal, info.Size(), err
}

func equalReaders(a, b io.Reader) (bool, error) {
	x, y := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return atEnd(errA) && atEnd(errB), nil
		}
	}
}

func atEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
