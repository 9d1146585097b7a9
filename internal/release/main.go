// Command release packs built binaries into the archives of a release:
//
//	go run ./internal/release -version 1.3.0 -builds DIR -out dist
//
// DIR holds a folder <os>_<arch> for each platform with both binaries, and
// man/ and completions/. It writes OUT/tools/packlift-{import,export}_<os>_<arch>[.exe],
// OUT/packlift-<version>-<os>-<arch>.tar.gz (.zip for windows) and
// OUT/SHA256SUMS. The same input gives the same bytes: names are sorted, times
// are the release date, owners are 0, modes are 0644 and 0755.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// item is one file of an archive: its name there and where its content lies.
type item struct {
	name, source string
	mode         fs.FileMode
}

type release struct {
	version, builds, out string
	time                 time.Time
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	version := flag.String("version", "", "version of the binaries")
	date := flag.String("date", "", "release date, YYYY-MM-DD: the time of every file")
	builds := flag.String("builds", "", "folder with the built binaries")
	out := flag.String("out", "dist", "folder to write to")
	flag.Parse()
	when, err := time.Parse(time.DateOnly, *date)
	if err != nil {
		log.Fatal(err)
	}
	r := release{version: *version, builds: *builds, out: *out, time: when}
	if err := r.run(); err != nil {
		log.Fatal(err)
	}
}

// run writes the tools, then each platform's archive, then SHA256SUMS.
func (r release) run() error {
	platforms, err := filepath.Glob(filepath.Join(r.builds, "*_*"))
	if err != nil || len(platforms) == 0 {
		return fmt.Errorf("no platform under %s", r.builds)
	}
	tools, err := r.tools(platforms, "packlift-import")
	if err != nil {
		return err
	}
	exporters, err := r.tools(platforms, "packlift-export") // for depots; archives have their own platform's
	if err != nil {
		return err
	}
	var written []string
	for _, dir := range platforms {
		items, err := r.items(dir, tools)
		if err != nil {
			return err
		}
		name, err := r.archive(filepath.Base(dir), items)
		if err != nil {
			return err
		}
		written = append(written, name)
	}
	for _, tool := range append(tools, exporters...) {
		written = append(written, tool.name)
	}
	return r.sums(written)
}

// tools copies every platform's binary of that name to OUT/tools.
func (r release) tools(platforms []string, binary string) ([]item, error) {
	if err := os.MkdirAll(filepath.Join(r.out, "tools"), 0o755); err != nil {
		return nil, err
	}
	var tools []item
	for _, dir := range platforms {
		suffix := exe(dir)
		data, err := os.ReadFile(filepath.Join(dir, binary+suffix))
		if err != nil {
			return nil, err
		}
		name := "tools/" + binary + "_" + filepath.Base(dir) + suffix
		if err := os.WriteFile(filepath.Join(r.out, name), data, 0o755); err != nil {
			return nil, err
		}
		tools = append(tools, item{name, filepath.Join(r.out, name), 0o755})
	}
	return tools, nil
}

func exe(dir string) string {
	if strings.HasPrefix(filepath.Base(dir), "windows_") {
		return ".exe"
	}
	return ""
}

// items lists what one platform's archive holds, sorted by name.
func (r release) items(dir string, tools []item) ([]item, error) {
	items := append([]item{}, tools...)
	for _, name := range []string{"packlift-export", "packlift-import"} {
		items = append(items, item{name + exe(dir), filepath.Join(dir, name+exe(dir)), 0o755})
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		items = append(items, item{name, name, 0o644})
	}
	for prefix, folder := range map[string]string{
		"docs": "docs", "man": filepath.Join(r.builds, "man"), "completions": filepath.Join(r.builds, "completions")} {
		more, err := under(prefix, folder)
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	sort.Slice(items, func(i, j int) bool { return items[i].name < items[j].name })
	return items, nil
}

// under lists the files beneath folder as PREFIX/...; scripts are executable.
func under(prefix, folder string) ([]item, error) {
	var items []item
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		items = append(items, item{path.Join(prefix, filepath.ToSlash(rel)), name, mode})
		return err
	})
	return items, err
}

// archive writes one platform's archive and returns its name beneath OUT.
func (r release) archive(platform string, items []item) (string, error) {
	base := "packlift-" + r.version + "-" + strings.ReplaceAll(platform, "_", "-")
	name, write := base+".tar.gz", r.tarGz
	if strings.HasPrefix(platform, "windows_") {
		name, write = base+".zip", r.zip
	}
	f, err := os.Create(filepath.Join(r.out, name))
	if err != nil {
		return "", err
	}
	if err := write(f, base, items); err != nil {
		f.Close()
		return "", err
	}
	return name, f.Close()
}

func (r release) tarGz(w io.Writer, base string, items []item) error {
	gz := gzip.NewWriter(w)
	tw := tar.NewWriter(gz)
	for _, it := range items {
		data, err := os.ReadFile(it.source)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: path.Join(base, it.name), Mode: int64(it.mode), Size: int64(len(data)), ModTime: r.time, Format: tar.FormatUSTAR}
		if err := tw.WriteHeader(header); err != nil {
			return err
		}
		if _, err := tw.Write(data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return gz.Close()
}

func (r release) zip(w io.Writer, base string, items []item) error {
	zw := zip.NewWriter(w)
	for _, it := range items {
		data, err := os.ReadFile(it.source)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: path.Join(base, it.name), Method: zip.Deflate, Modified: r.time}
		header.SetMode(it.mode)
		fw, err := zw.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := fw.Write(data); err != nil {
			return err
		}
	}
	return zw.Close()
}

// sums writes OUT/SHA256SUMS in the form of `sha256sum -c`.
func (r release) sums(names []string) error {
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o644)
}
