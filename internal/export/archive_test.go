package export

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
	"golang.org/x/crypto/ssh"

	"packlift/internal/keys"
	"packlift/internal/manifest"
)

func marshalKey(s keys.Signer) []byte { return ssh.MarshalAuthorizedKey(s.PublicKey()) }

// tarOf packs a tree under the folder top ("" for none).
func tarOf(t *testing.T, dir, top string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			link, _ = os.Readlink(name)
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		h.Name = filepath.ToSlash(filepath.Join(top, rel))
		if d.IsDir() {
			h.Name += "/"
		}
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarGz(t *testing.T, dir string) string {
	t.Helper()
	return compressed(t, "tree.tar.gz", tarOf(t, dir, "demo-1.0.0"), func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func compressed(t *testing.T, name string, plain []byte, by func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := by(&b)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), name)
	write(t, name, b.String(), 0o644)
	return name
}

func zipOf(t *testing.T, dir, top string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		h.Name = filepath.ToSlash(filepath.Join(top, rel))
		h.Method = zip.Deflate
		if d.IsDir() {
			h.Name += "/"
		}
		f, err := w.CreateHeader(h)
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if info.Mode()&fs.ModeSymlink != 0 {
			var target string
			target, err = os.Readlink(name)
			content = []byte(target)
		}
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "tree.zip")
	write(t, name, b.String(), 0o644)
	return name
}

func list(t *testing.T, name string) ([]manifest.Entry, error) {
	t.Helper()
	s, err := openSource(context.Background(), name, reading{jobs: 2})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, e := range s.entries() {
		if e.Type == manifest.File {
			mustHold(t, s, e)
		}
	}
	return s.entries(), nil
}

// mustHold reads a file of the source again and compares it with its entry.
func mustHold(t *testing.T, s source, e manifest.Entry) {
	t.Helper()
	f, err := s.open(e.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil || manifest.Sum(content) != e.SHA256 || int64(len(content)) != e.Size {
		t.Errorf("%s: %d bytes, %v; the list says %d, %s", e.Path, len(content), err, e.Size, e.SHA256)
	}
}

func TestEveryKindOfSourceIsTheSameTree(t *testing.T) {
	t.Parallel()
	_, tree := trees(t)
	want, err := list(t, tree)
	if err != nil {
		t.Fatal(err)
	}
	xzWriter := func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }
	sources := map[string]string{
		"zip":             zipOf(t, tree, ""),
		"zip with top":    zipOf(t, tree, "demo-1.0.0"),
		"tar.gz with top": tarGz(t, tree),
		"tar.xz":          compressed(t, "tree.tar.xz", tarOf(t, tree, "."), xzWriter),
		"txz":             compressed(t, "tree.TXZ", tarOf(t, tree, "a"), xzWriter),
	}
	plain := filepath.Join(t.TempDir(), "tree.tar")
	write(t, plain, string(tarOf(t, tree, "top")), 0o644)
	sources["tar"] = plain
	for name, file := range sources {
		t.Run(name, func(t *testing.T) {
			got, err := list(t, file)
			if err != nil {
				t.Fatal(err)
			}
			if describeEntries(got) != describeEntries(want) {
				t.Errorf("it holds\n%s\nwant\n%s", describeEntries(got), describeEntries(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%+v, want %+v", got[i], want[i])
				}
			}
		})
	}
}

func makeTar(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = "content of " + h.Name
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.tar")
	write(t, name, b.String(), 0o644)
	return name
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}
}

func TestTarRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tar  string
		want string
	}{
		"device":       {makeTar(t, file("a", 0o644), tar.Header{Name: "dev/null", Typeflag: tar.TypeChar}), `"dev/null" is a device`},
		"fifo":         {makeTar(t, file("a", 0o644), tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}), `"pipe" is a fifo`},
		"setuid":       {makeTar(t, file("su", 0o4755)), `"su" is setuid`},
		"setgid":       {makeTar(t, file("sg", 0o2755)), `"sg" is setuid or setgid`},
		"climbing":     {makeTar(t, file("a", 0o644), file("../x", 0o644)), "climbs"},
		"absolute":     {makeTar(t, file("a", 0o644), file("/etc/x", 0o644)), "is absolute"},
		"windows":      {makeTar(t, file("a", 0o644), file("b/nul.txt", 0o644)), "device name"},
		"case":         {makeTar(t, file("a", 0o644), file("A", 0o644)), "case"},
		"twice":        {makeTar(t, file("a", 0o644), file("a", 0o644)), "stands twice"},
		"through link": {makeTar(t, file("a", 0o644), tar.Header{Name: "l", Linkname: "a", Typeflag: tar.TypeSymlink}, file("l/b", 0o644)), "no folder"},
		"leaving link": {makeTar(t, file("a", 0o644), tar.Header{Name: "l", Linkname: "../../etc", Typeflag: tar.TypeSymlink}), "leaves the tree"},
		"link leaves once the top is stripped": {makeTar(t, file("top/a", 0o644),
			tar.Header{Name: "top/l", Linkname: "../a", Typeflag: tar.TypeSymlink}), "leaves the tree"},
		"dangling hard link": {makeTar(t, tar.Header{Name: "h", Linkname: "a", Typeflag: tar.TypeLink}, file("a", 0o644)), "hard link"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := list(t, c.tar)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestTarHardLinksImpliedFoldersAndStripping(t *testing.T) {
	t.Parallel()
	got, err := list(t, makeTar(t, file("top/a/b/c", 0o640), tar.Header{Name: "top/hard", Linkname: "top/a/b/c", Typeflag: tar.TypeLink, Mode: 0o640},
		tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "git"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := "a dir 0755 0 \na/b dir 0755 0 \na/b/c file 0640 20 \nhard file 0640 20 "
	if describeEntries(got) != want {
		t.Errorf("it holds\n%s\nwant\n%s", describeEntries(got), want)
	}
}

func TestLoneFileIsNotStripped(t *testing.T) {
	t.Parallel()
	got, err := list(t, makeTar(t, file("only", 0o644)))
	if err != nil || describeEntries(got) != "only file 0644 15 " {
		t.Errorf("it holds %q, %v", describeEntries(got), err)
	}
}

// makeZip writes entries with their raw attributes.
func makeZip(t *testing.T, headers ...zip.FileHeader) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range headers {
		f, err := w.CreateHeader(&h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/") {
			io.WriteString(f, h.Comment)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.zip")
	write(t, name, b.String(), 0o644)
	return name
}

func TestZipModes(t *testing.T) {
	t.Parallel()
	got, err := list(t, makeZip(t,
		zip.FileHeader{Name: "windows/", ExternalAttrs: 0x10},
		zip.FileHeader{Name: "windows/f.exe", ExternalAttrs: 0x21},
		zip.FileHeader{Name: "java", CreatorVersion: madeOnUnix << 8},
		zip.FileHeader{Name: "unix/run", CreatorVersion: madeOnUnix << 8, ExternalAttrs: 0o100750 << 16},
		zip.FileHeader{Name: "unix/link", CreatorVersion: madeOnUnix << 8, ExternalAttrs: 0o120777 << 16, Comment: "run"},
	))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{"java file 0644 0 ", "unix dir 0755 0 ", "unix/link symlink 0000 0 run", "unix/run file 0750 0 ",
		"windows dir 0755 0 ", "windows/f.exe file 0644 0 "}, "\n")
	if describeEntries(got) != want {
		t.Errorf("it holds\n%s\nwant\n%s", describeEntries(got), want)
	}
}

func TestZipRefusals(t *testing.T) {
	t.Parallel()
	unix := uint16(madeOnUnix << 8)
	for name, c := range map[string]struct {
		header zip.FileHeader
		want   string
	}{
		"setuid":    {zip.FileHeader{Name: "su", CreatorVersion: unix, ExternalAttrs: 0o104755 << 16}, "setuid"},
		"fifo":      {zip.FileHeader{Name: "p", CreatorVersion: unix, ExternalAttrs: 0o010644 << 16}, `"p" is a fifo`},
		"device":    {zip.FileHeader{Name: "d", CreatorVersion: unix, ExternalAttrs: 0o060644 << 16}, `"d" is a device`},
		"socket":    {zip.FileHeader{Name: "s", CreatorVersion: unix, ExternalAttrs: 0o140644 << 16}, `"s" is a socket`},
		"climbing":  {zip.FileHeader{Name: "../x"}, "climbs"},
		"backslash": {zip.FileHeader{Name: `a\b`}, "Windows forbids"},
		"encrypted": {zip.FileHeader{Name: "e", Flags: zipEncrypted}, "is encrypted"},
		"long link": {zip.FileHeader{Name: "l", CreatorVersion: unix, ExternalAttrs: 0o120777 << 16, Comment: strings.Repeat("x", 2000)}, "long"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := list(t, makeZip(t, zip.FileHeader{Name: "other"}, c.header))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	_, tree := trees(t)
	for _, name := range []string{zipOf(t, tree, ""), tarGz(t, tree)} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, string(b[:len(b)*2/3]), 0o644)
		if _, err := list(t, name); err == nil {
			t.Errorf("%s: two thirds of it pass for the whole", filepath.Base(name))
		}
	}
}

func TestFolderRefusals(t *testing.T) {
	t.Parallel()
	_, tree := trees(t)
	write(t, tree+"/lib/su", "su", 0o755)
	if err := os.Chmod(tree+"/lib/su", 0o755|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t, tree); err == nil || !strings.Contains(err.Error(), "lib/su") {
		t.Errorf("error is %v", err)
	}
}

func TestKeepersBinIsNoFolderOfTheProduct(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	write(t, tree+"/lib/a", "a", 0o644)
	write(t, tree+"/bin/packlift-import", "tool", 0o755)
	got, err := list(t, tree)
	if err != nil || strings.Contains(describeEntries(got), "bin") {
		t.Errorf("it holds %q, %v", describeEntries(got), err)
	}
}
