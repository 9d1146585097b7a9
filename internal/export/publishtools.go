package export

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"packlift/bundle"
	"packlift/bundle/xzpar"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/regular"
	"packlift/internal/version"
	"packlift/verify"
)

// exporterNames are the files that hold an exporter, beside the importers.
var exporterNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^packlift-export_([a-z0-9]+)_([a-z0-9]+)(?:\.exe)?$`)
})

// offered is a tool on its way into the depot.
type offered struct {
	depot.Tool
	path      string
	statement []byte
	sigs      [][]byte
}

// putTools stores the importers and exporters that are newer than the depot's.
func (p *publishing) putTools() error {
	if p.view != nil {
		p.tools = slices.Clone(p.view.Index.Tools)
	}
	list, err := p.findOffered()
	if err != nil {
		return err
	}
	p.meter.start(StageWrite, int64(len(list)))
	out := make([]depot.Tool, len(list))
	err = p.packAll(len(list), func(c *xzpar.Compressor, i int) (err error) {
		defer p.meter.add(1)
		out[i], err = p.putTool(c, list[i])
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range out {
		same := func(o depot.Tool) bool { return o.Name == t.Name && o.OS == t.OS && o.Arch == t.Arch }
		p.tools = append(slices.DeleteFunc(p.tools, same), t)
	}
	depot.SortTools(p.tools)
	return nil
}

func (p *publishing) putTool(c *xzpar.Compressor, t offered) (depot.Tool, error) {
	f, err := regular.Open(t.path)
	if err != nil {
		return t.Tool, err
	}
	defer f.Close()
	return p.store.PutTool(p.ctx, c, t.Tool, newChecked(withContext(p.ctx, f), t.path, t.Size, t.SHA256), t.statement, t.sigs)
}

// findOffered lists the tools of the folder that are newer than those of the
// depot, each proved and signed.
func (p *publishing) findOffered() ([]offered, error) {
	folder, err := findTools(p.ToolsDir)
	if err != nil && p.ToolsDir == "" {
		p.made.Warnings = append(p.made.Warnings, fmt.Sprintf("no tool goes into the depot: %v", err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	importers, err := folder.load(p.ctx, folder.found())
	if err != nil {
		return nil, err
	}
	var out []offered
	for _, t := range importers {
		if err := t.sign(p.Signers); err != nil {
			return nil, err
		}
		out = append(out, offered{depot.Tool{Name: depot.Importer, Tool: t.Tool}, t.path, t.statement, t.sigs})
	}
	exporters, err := p.exporters(folder.dir)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(append(out, exporters...), func(t offered) bool { return !p.isNewer(t.Tool) }), nil
}

// isNewer: than what the depot has, or as new and another file.
func (p *publishing) isNewer(t depot.Tool) bool {
	return !slices.ContainsFunc(p.tools, func(o depot.Tool) bool {
		return o.Name == t.Name && o.OS == t.OS && o.Arch == t.Arch &&
			(version.Compare(o.Version, t.Version) > 0 || o.SHA256 == t.SHA256)
	})
}

func (p *publishing) exporters(dir string) ([]offered, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []offered
	for _, e := range list {
		m := exporterNames().FindStringSubmatch(e.Name())
		if m == nil || e.IsDir() {
			continue
		}
		t, err := p.exporter(filepath.Join(dir, e.Name()), platform{m[1], m[2]})
		if err != nil {
			return nil, fmt.Errorf("tool %s: %w", filepath.Join(dir, e.Name()), err)
		}
		out = append(out, t)
	}
	return out, nil
}

// exporter proves an exporter as loadTool does an importer, and has it signed.
func (p *publishing) exporter(path string, want platform) (offered, error) {
	t, err := examine(path)
	if err != nil {
		return offered{}, err
	}
	if t.platform() != want {
		return offered{}, fault.New(fault.Usage, "it is built for %s, its name says %s", t.platform(), want)
	}
	if want == here() {
		if err := t.run(p.ctx); err != nil {
			return offered{}, err
		}
	}
	o := offered{Tool: depot.Tool{Name: depot.Exporter, Tool: t.Tool}, path: path}
	o.statement = statementOf(o.Tool)
	o.sigs, err = signAll(p.Signers, verify.NamespaceTool, o.statement, map[string]bool{})
	return o, err
}

func statementOf(t depot.Tool) []byte {
	s := bundle.Statement{Tool: t.Name, OS: t.OS, Arch: t.Arch, Version: t.Version, Size: t.Size, SHA256: t.SHA256}
	return s.Marshal()
}
