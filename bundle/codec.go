package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"packlift/internal/manifest"
)

// compact marshals without HTML escapes and without a final newline.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// wire types: how zero times and digests are spelled, and key order.
type (
	levelsWire struct {
		Start int `json:"start"`
		End   int `json:"end"`
	}
	infoWire struct {
		Format         int               `json:"format"`
		ID             string            `json:"id"`
		Product        string            `json:"product"`
		Version        string            `json:"version"`
		Kind           Kind              `json:"kind"`
		Channel        string            `json:"channel"`
		Levels         levelsWire        `json:"levels"`
		Between        []Stop            `json:"between"`
		Sequence       manifest.Sequence `json:"sequence"`
		MinSequence    manifest.Sequence `json:"min_sequence"`
		MinimumTool    string            `json:"minimum_tool"`
		Created        string            `json:"created"`
		BestBefore     *string           `json:"best_before"`
		Tools          []Tool            `json:"tools"`
		Recipients     int               `json:"recipients"`
		Parts          Parts             `json:"parts"`
		TrustSet       string            `json:"trust_set"`
		BaseManifest   *manifest.Digest  `json:"base_manifest"`
		TargetManifest manifest.Digest   `json:"target_manifest"`
		Critical       []string          `json:"critical"`
	}
)

// knownKeys are the top-level keys of MANIFEST.json in this version.
var knownKeys = func() map[string]bool {
	known := map[string]bool{}
	for _, k := range []string{"format", "id", "product", "version", "kind", "channel", "levels", "between", "sequence", "min_sequence", "minimum_tool",
		"created", "best_before", "tools", "recipients", "parts", "trust_set", "base_manifest", "target_manifest", "critical"} {
		known[k] = true
	}
	return known
}()

func (i *Info) wire() infoWire {
	w := infoWire{i.Format, i.ID, i.Product, i.Version, i.Kind, i.Channel, levelsWire{i.Start, i.End}, i.Between, i.Sequence, i.MinSequence, i.MinimumTool,
		stamp(i.Created), nil, i.Tools, i.Recipients, i.Parts, i.TrustSet, nil, i.TargetManifest, i.Critical}
	if !i.BestBefore.IsZero() {
		s := stamp(i.BestBefore)
		w.BestBefore = &s
	}
	if !i.BaseManifest.IsZero() {
		w.BaseManifest = &i.BaseManifest
	}
	if w.Between == nil {
		w.Between = []Stop{}
	}
	if w.Tools == nil {
		w.Tools = []Tool{}
	}
	if w.Critical == nil {
		w.Critical = []string{}
	}
	return w
}

func (w *infoWire) info() (*Info, error) {
	i := &Info{Format: w.Format, ID: w.ID, Product: w.Product, Version: w.Version, Kind: w.Kind, Channel: w.Channel, Start: w.Levels.Start, End: w.Levels.End,
		Between: w.Between, Sequence: w.Sequence, MinSequence: w.MinSequence, MinimumTool: w.MinimumTool, Tools: w.Tools, Recipients: w.Recipients, Parts: w.Parts,
		TrustSet: w.TrustSet, TargetManifest: w.TargetManifest, Critical: w.Critical}
	var err error
	if i.Created, err = parseStamp(w.Created); err != nil {
		return nil, err
	}
	if w.BestBefore != nil {
		if i.BestBefore, err = parseStamp(*w.BestBefore); err != nil {
			return nil, err
		}
	}
	if w.BaseManifest != nil {
		i.BaseManifest = *w.BaseManifest
	}
	return i, nil
}

// stamp writes a time as RFC 3339 in UTC, whole seconds.
func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

func parseStamp(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || stamp(t) != s || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%.40q is not a time such as 2026-11-21T21:54:38Z", s)
	}
	return t.UTC(), nil
}

// members splits the JSON object b into its top-level keys and raw values;
// doubled keys are an error. Values keep their bytes.
func members(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("is not a JSON object")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if _, twice := out[key]; !ok || twice {
			return nil, fmt.Errorf("key %.80q stands twice", key)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if len(out) == len(knownKeys)+MaxUnknown {
			return nil, fmt.Errorf("more than %d unknown keys", MaxUnknown)
		}
		out[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	return out, nil
}
