package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/version"
)

// toolNames are the files that hold an importer, in a tools folder as in a
// pack's bin: packlift-import[.exe] for the machine at hand and
// packlift-import_<os>_<arch>[.exe] for any.
var toolNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^packlift-import(?:_([a-z0-9]+)_([a-z0-9]+))?(?:\.exe)?$`)
})

// all is the platform argument that stands for every tool found.
const all = "all"

// toolFolder is a folder with importers: the files of each platform.
type toolFolder struct {
	dir   string
	files map[platform][]string
	held  map[platform]*tool // a depot's
}

// readToolFolder lists the importers in dir by their names.
func readToolFolder(dir string) (*toolFolder, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	t := &toolFolder{dir: dir, files: map[platform][]string{}}
	for _, e := range list {
		m := toolNames().FindStringSubmatch(e.Name())
		if m == nil || e.IsDir() {
			continue
		}
		p := platform{m[1], m[2]}
		if m[1] == "" {
			p = here()
		}
		t.files[p] = append(t.files[p], filepath.Join(dir, e.Name()))
	}
	return t, nil
}

// findTools returns the folder that --tools names or, without it, the one that
// came with the exporter: tools/ beside it, else its own folder.
func findTools(dir string) (*toolFolder, error) {
	if dir != "" {
		t, err := readToolFolder(dir)
		if err != nil {
			return nil, fault.New(fault.Usage, "tools: %w", err).WithHint("give the folder of the importers with --tools DIR")
		}
		return t, t.mustHold()
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	beside := filepath.Dir(exe)
	t, err := readToolFolder(filepath.Join(beside, "tools"))
	if err == nil && len(t.files) > 0 {
		return t, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if t, err = readToolFolder(beside); err != nil {
		return nil, err
	}
	return t, t.mustHold()
}

func (t *toolFolder) mustHold() error {
	if len(t.files) == 0 {
		return noTools("no importer in %s", t.dir)
	}
	return nil
}

func noTools(format string, args ...any) error {
	return fault.New(fault.Usage, format, args...).
		WithHint("make them with `make dist` (dist/tools) and give the folder with --tools DIR")
}

// choose gives the platforms whose tools the bundle carries, sorted: those
// asked for, or of those found the ones that the pack's bin has, or this machine's.
func (t *toolFolder) choose(asked []string, packBin map[platform]string) ([]platform, error) {
	if slices.Contains(asked, all) {
		return t.found(), nil
	}
	var want []platform
	for _, a := range asked {
		goos, arch, ok := strings.Cut(a, "/")
		if !ok || goos == "" || arch == "" {
			return nil, fault.New(fault.Usage, "platform %q is not os/arch", a).WithHint("write linux/amd64, or all")
		}
		want = append(want, platform{goos, arch})
	}
	if len(asked) == 0 {
		for _, p := range t.found() {
			if _, ok := packBin[p]; ok {
				want = append(want, p)
			}
		}
		if len(packBin) == 0 {
			want = []platform{here()}
		}
	}
	slices.SortFunc(want, comparePlatforms)
	want = slices.Compact(want)
	return want, t.mustHave(want, packBin)
}

func (t *toolFolder) mustHave(want []platform, packBin map[platform]string) error {
	for _, p := range want {
		if len(t.files[p]) == 0 && t.held[p] == nil {
			return noTools("no importer for %s in %s", p, t.dir)
		}
	}
	if len(want) == 0 {
		return noTools("no importer in %s is for a platform that the pack's bin has (%s)", t.dir, describe(packBin))
	}
	return nil
}

func (t *toolFolder) found() []platform {
	var out []platform
	for p := range t.files {
		out = append(out, p)
	}
	for p := range t.held {
		if len(t.files[p]) == 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePlatforms)
	return out
}

func describe(bin map[platform]string) string {
	var out []string
	for p := range bin {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func comparePlatforms(a, b platform) int {
	return cmp.Or(cmp.Compare(a.os, b.os), cmp.Compare(a.arch, b.arch))
}

// load proves the chosen platforms' tools; of two files for one platform the
// newer is taken.
func (t *toolFolder) load(ctx context.Context, want []platform) ([]*tool, error) {
	if len(want) > bundle.MaxTools {
		return nil, fault.New(fault.Usage, "%d tools are too many, the most is %d", len(want), bundle.MaxTools)
	}
	var out []*tool
	for _, p := range want {
		best, err := t.newest(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, best)
	}
	return out, nil
}

func (t *toolFolder) newest(ctx context.Context, p platform) (*tool, error) {
	best := t.held[p]
	for _, path := range t.files[p] {
		next, err := loadTool(ctx, path, p)
		if err != nil {
			return nil, err
		}
		if best == nil || version.Compare(next.Version, best.Version) > 0 {
			best = next
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no importer for %s in %s", p, t.dir)
	}
	return best, nil
}
