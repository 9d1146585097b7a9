package export

import (
	"packlift/internal/manifest"
)

// step leads from one stop to the next; from is nil for the one of a full bundle.
type step struct{ from, to *stop }

func (c *creation) steps() []step {
	if c.From == "" {
		return []step{{nil, c.stops[0]}}
	}
	var out []step
	for i, s := range c.stops[1:] {
		out = append(out, step{c.stops[i], s})
	}
	return out
}

// start is the level that the step is named after.
func (s step) start() int {
	if s.from == nil {
		return s.to.level
	}
	return s.from.level
}

func (s step) base() *manifest.Manifest {
	if s.from == nil {
		return nil
	}
	return s.from.manifest
}

// where gives a path of the step's end for each content that comes.
func (s step) where() map[manifest.Digest]string {
	out := map[manifest.Digest]string{}
	for _, d := range manifest.Compare(s.base(), s.to.manifest) {
		if d.New == nil || d.New.Type != manifest.File {
			continue
		}
		if _, ok := out[d.New.SHA256]; !ok {
			out[d.New.SHA256] = d.Path
		}
	}
	return out
}

// leaving are the files of the step's start that are not the same in its end.
func (s step) leaving() (out []manifest.Entry) {
	for _, d := range manifest.Compare(s.base(), s.to.manifest) {
		if d.Old == nil || d.Old.Type != manifest.File || d.New != nil && d.New.SHA256 == d.Old.SHA256 {
			continue
		}
		out = append(out, *d.Old)
	}
	return out
}
