package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"packlift/bundle"
	"packlift/internal/probe"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/version"
)

const packBinDir = "bin"

// packTools lists the importers in the pack's bin: platform to file name. A
// file without a platform in its name is read for it; one that is no Go
// executable counts for none.
func packTools(dir string) (map[platform]string, error) {
	bin := filepath.Join(dir, packBinDir)
	list, err := os.ReadDir(bin)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[platform]string{}
	for _, e := range list {
		m := toolNames().FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		p := platform{m[1], m[2]}
		if m[1] == "" {
			if p, err = platformOf(filepath.Join(bin, e.Name())); err != nil {
				continue
			}
		}
		if old, ok := out[p]; !ok || len(e.Name()) < len(old) {
			out[p] = e.Name()
		}
	}
	return out, nil
}

// sweepPackBin removes what killed runs left of importers on their way in, which
// no product may hold. What it cannot remove is told when the tree is listed.
func sweepPackBin(dir string) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return
	}
	defer root.Close()
	_ = root.SweepOthers(packBinDir)
}

func platformOf(path string) (platform, error) {
	f, err := regular.Open(path)
	if err != nil {
		return platform{}, err
	}
	defer f.Close()
	goos, arch, err := probe.Platform(f)
	return platform{goos, arch}, err
}

// placeTools puts each newer importer into the pack's bin: over the one it has
// for the platform, or as packlift-import where the pack has none at all and
// the tool is for this machine. It returns the files written.
func placeTools(ctx context.Context, dir string, have map[platform]string, tools []*tool) ([]string, error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var placed []string
	for _, t := range tools {
		name, ok := have[t.platform()]
		if !ok && len(have) == 0 && t.platform() == here() {
			name, ok = importerName(t.OS), true
		}
		if !ok {
			continue
		}
		did, err := placeTool(ctx, root, packBinDir+"/"+name, t)
		if err != nil {
			return placed, fmt.Errorf("%s: %w", filepath.Join(dir, packBinDir, name), err)
		}
		if did {
			placed = append(placed, filepath.Join(dir, packBinDir, name))
		}
	}
	return placed, nil
}

func importerName(goos string) string {
	if goos == "windows" {
		return "packlift-import.exe"
	}
	return "packlift-import"
}

// placeTool replaces the file at name unless it is as new as t.
func placeTool(ctx context.Context, root *rootfs.Root, name string, t *tool) (bool, error) {
	exists, err := root.Exists(name)
	if err != nil {
		return false, err
	}
	if exists {
		if newer, err := isNewer(root, name, t); err != nil || !newer {
			return false, err
		}
	} else if err := root.MkdirAll(packBinDir, defaultDir); err != nil {
		return false, err
	}
	out, err := root.Pending(name, defaultDir)
	if err != nil {
		return false, err
	}
	defer out.Cleanup()
	f, err := t.open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := io.Copy(out, newChecked(withContext(ctx, f), t.path, t.Size, t.SHA256)); err != nil {
		return false, err
	}
	return true, out.Commit()
}

// isNewer compares by the version in the bytes of the pack's importer; one
// that says none is older than any.
func isNewer(root *rootfs.Root, name string, t *tool) (bool, error) {
	f, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	v, err := probe.Marker(io.LimitReader(f, bundle.MaxTool))
	if err != nil {
		return true, nil
	}
	return version.Compare(t.Version, v) > 0, nil
}
