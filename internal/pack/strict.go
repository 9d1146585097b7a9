package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"packlift/internal/rootfs"
)

// decodeStrict fails on unknown fields and on anything after the value.
func decodeStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// formatOf reads the format number alone, so that a newer file is named as such
// and not by its first unknown field.
func formatOf(b []byte) (int, error) {
	var h struct {
		Format int `json:"format"`
	}
	err := json.Unmarshal(b, &h)
	return h.Format, err
}

// readVersioned reads a JSON file of format 1 into v.
func readVersioned(root *rootfs.Root, name string, max int64, v any) ([]byte, error) {
	b, err := root.ReadFile(name, max)
	if err != nil {
		return nil, err
	}
	format, err := formatOf(b)
	switch {
	case err != nil:
		err = fmt.Errorf("is damaged: %w", err)
	case format != 1:
		err = fmt.Errorf("has format %d; this tool knows format 1", format)
	default:
		err = decodeStrict(b, v)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root.Full(name), err)
	}
	return b, nil
}

// indented is the form in which these files are written.
func indented(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic("pack: cannot marshal: " + err.Error()) // only plain structs come here
	}
	return b.Bytes()
}
