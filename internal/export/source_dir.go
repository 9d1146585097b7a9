package export

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// dirSource is a tree on disk.
type dirSource struct {
	root *rootfs.Root
	list []manifest.Entry
}

func openDir(ctx context.Context, name string, r reading) (source, error) {
	root, err := rootfs.Open(name)
	if err != nil {
		return nil, err
	}
	list, err := pack.Scan(root, pack.ScanOptions{Hash: true, Jobs: r.jobs, Progress: r.progress, Context: ctx})
	if err == nil {
		list, err = withoutKeepersBin(root, list)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &dirSource{root: root, list: list}, nil
}

// modeless warns of a folder where the system keeps no modes (pack.Scan).
func modeless(keepsModes bool, tree string) []string {
	if info, err := os.Stat(tree); keepsModes || err != nil || !info.IsDir() {
		return nil
	}
	return []string{fmt.Sprintf("this system keeps no modes: the files of %s are taken as 0644, its folders as 0755; for sites on Linux or macOS give an archive "+
		"made there (.tar, .tar.gz, .tar.xz, .zip), which tells which files are programs", tree)}
}

// withoutKeepersBin drops a folder bin that holds only the pack's importers:
// it was made for them and is no part of the product.
func withoutKeepersBin(root *rootfs.Root, list []manifest.Entry) ([]manifest.Entry, error) {
	i := slices.IndexFunc(list, func(e manifest.Entry) bool { return e.Path == packBinDir })
	below := func(e manifest.Entry) bool { return strings.HasPrefix(e.Path, packBinDir+"/") }
	if i < 0 || list[i].Type != manifest.Dir || slices.ContainsFunc(list, below) {
		return list, nil
	}
	held, err := root.ReadDir(packBinDir)
	if err != nil || len(held) == 0 {
		return list, err
	}
	return slices.Delete(list, i, i+1), nil
}

func (d *dirSource) entries() []manifest.Entry { return d.list }

func (d *dirSource) open(path string) (io.ReadCloser, error) { return d.root.Open(path) }

func (d *dirSource) Close() error { return d.root.Close() }
