package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// body gives the canonical compact JSON: the known keys in their order, then
// the unknown ones sorted.
func (i *Info) body() ([]byte, error) {
	b, err := compact(i.wire())
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(i.Unknown)) {
		k, err := compact(key)
		if err != nil {
			return nil, err
		}
		b = append(b[:len(b)-1], ',')
		b = append(append(append(b, k...), ':'), i.Unknown[key]...)
		b = append(b, '}')
	}
	return b, nil
}

// Marshal gives MANIFEST.json of exactly size bytes: compact JSON, spaces, one
// newline. With size 0 there are no spaces.
func (i *Info) Marshal(size int) ([]byte, error) {
	b, err := i.body()
	if err != nil {
		return nil, err
	}
	if size == 0 {
		size = len(b) + 1
	}
	pad := size - len(b) - 1
	if pad < 0 || pad > MaxPadding || size > MaxManifest {
		return nil, fmt.Errorf("%s: %d bytes do not fit %d reserved ones", ManifestName, len(b), size)
	}
	b = append(b, bytes.Repeat([]byte{' '}, pad)...)
	return append(b, '\n'), nil
}

// DeriveID gives the bundle id: the first 32 hex digits of the SHA-256 of the
// canonical JSON with an empty id and with the stored sizes and digests zero.
// What is encrypted anew each time is left out, so the same input has the same id.
func (i *Info) DeriveID() (string, error) {
	c := *i
	c.ID = ""
	for _, name := range PartNames {
		c.part(name).Stored = Blob{}
	}
	b, err := c.body()
	if err != nil {
		return "", err
	}
	return manifest.Sum(b).String()[:32], nil
}

// ParseInfo reads MANIFEST.json of a format that this build knows. Its faults
// are of the layer LayerManifest: Tampered where the form or a value is wrong,
// NotABundle where a newer tool is needed.
func ParseInfo(b []byte) (*Info, error) {
	i, err := parseInfo(b)
	if err == nil {
		err = i.Check()
	}
	if err != nil {
		return nil, damaged(LayerManifest, ManifestName, err)
	}
	return i, nil
}

func parseInfo(b []byte) (*Info, error) {
	keys, err := document(b)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	var w infoWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, err
	}
	i, err := w.info()
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(keys, func(k string, _ json.RawMessage) bool { return knownKeys[k] })
	if len(keys) > 0 {
		i.Unknown = keys
	}
	if again, err := i.Marshal(len(b)); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("is not in canonical form")
	}
	return i, nil
}

// document checks the frame that every format shares: size, one JSON object,
// spaces, one newline.
func document(b []byte) (map[string]json.RawMessage, error) {
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("has %d bytes, the most is %d", len(b), MaxManifest)
	}
	body, ok := bytes.CutSuffix(b, []byte{'\n'})
	trimmed := bytes.TrimRight(body, " ")
	if !ok || len(body)-len(trimmed) > MaxPadding || !json.Valid(trimmed) {
		return nil, fmt.Errorf("is not one JSON object, at most %d spaces and a newline", MaxPadding)
	}
	return members(trimmed)
}

// checkKeys looks at format and critical before anything else, so that a newer
// bundle is called newer and not damaged.
func checkKeys(keys map[string]json.RawMessage) error {
	var format int
	if err := json.Unmarshal(keys["format"], &format); err != nil || format < 1 {
		return fmt.Errorf("has no format number")
	}
	if format > FormatVersion {
		return fault.New(fault.NotABundle, "%s: format %d is newer than this tool, which reads up to %d", ManifestName, format, FormatVersion).
			WithHint("use the importer that came with the bundle, or a newer one")
	}
	var critical []string
	if err := json.Unmarshal(keys["critical"], &critical); err != nil || len(critical) > MaxCritical {
		return fmt.Errorf("has no list of at most %d critical keys", MaxCritical)
	}
	for _, k := range critical {
		if _, ok := keys[k]; !ok {
			return fmt.Errorf("lists the critical key %.80q and does not hold it", k)
		}
		if !knownKeys[k] {
			return fault.New(fault.NotABundle, "%s: the bundle demands that the tool knows %.80q, and this one does not", ManifestName, k).
				WithHint("use the importer that came with the bundle, or a newer one")
		}
	}
	return checkUnknown(keys)
}

func checkUnknown(keys map[string]json.RawMessage) error {
	for k, v := range keys {
		if knownKeys[k] {
			continue
		}
		if !keyName(k) {
			return fmt.Errorf("unknown key %.80q is not 1 to 64 of a-z 0-9 _", k)
		}
		var c bytes.Buffer // json.Compact takes bytes that are no UTF-8
		if err := json.Compact(&c, v); err != nil || !bytes.Equal(c.Bytes(), v) || !utf8.Valid(v) {
			return fmt.Errorf("value of %q is not compact JSON", k)
		}
	}
	return nil
}

func keyName(k string) bool {
	if len(k) == 0 || len(k) > 64 {
		return false
	}
	for _, c := range k {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// ParseFrozen reads what every format keeps: format, product, minimum_tool,
// created and tools. It ignores every other key, critical ones too.
func ParseFrozen(b []byte) (*Frozen, error) {
	f, err := parseFrozen(b)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return nil, damaged(LayerManifest, ManifestName, err)
	}
	return f, nil
}

func parseFrozen(b []byte) (*Frozen, error) {
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("has %d bytes, the most is %d", len(b), MaxManifest)
	}
	var keys map[string]json.RawMessage // exact names: struct decoding folds case
	if err := json.Unmarshal(b, &keys); err != nil {
		return nil, err
	}
	f, created := &Frozen{}, ""
	for key, v := range map[string]any{"format": &f.Format, "product": &f.Product, "minimum_tool": &f.MinimumTool, "created": &created, "tools": &f.Tools} {
		if err := json.Unmarshal(keys[key], v); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	var err error
	if f.Created, err = parseStamp(created); err == nil && f.Format < 1 {
		err = fmt.Errorf("has no format number")
	}
	return f, err
}
