package depot

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/internal/manifest"
)

// Caps of the format (docs/depot.md).
const (
	MaxIndex      = 16 << 20 // bytes of index.json
	MaxList       = 1 << 30  // plain bytes of a level manifest or a list of objects
	MaxTools      = 128
	MaxSignatures = 32
	maxSerial     = 1 << 40
)

// The tools that a depot may hold.
const (
	Importer = bundle.ToolProduct
	Exporter = "packlift-export"
)

// Index is what a depot says of one product. Only Open and Store.Index make one
// that is trusted.
type Index struct {
	Depot            string // 32 hex digits, chosen when the depot was begun
	Product, Version string
	Serial           int64           // from 1; one more with each index
	Previous         manifest.Digest // of the index before, zero in the first
	Date             time.Time       // whole seconds, UTC
	Levels           []Level         // rising
	Tools            []Tool          // by tool, os, arch
}

// Level is one published level.
type Level struct {
	Level    int
	Channel  string
	Date     time.Time
	Manifest File
	Objects  File
	Advisory manifest.Blob // stored as it is
}

// File is a compressed file: its plain content and its bytes as stored.
type File struct{ Plain, Stored manifest.Blob }

// Tool is an importer or exporter, compressed, with the statement that signers
// made about it and their signatures.
type Tool struct {
	Name string // Importer or Exporter
	bundle.Tool
	Stored     manifest.Blob
	Statement  manifest.Blob
	Signatures []manifest.Blob
}

type (
	indexWire struct {
		Index    int             `json:"index"`
		Depot    string          `json:"depot"`
		Product  string          `json:"product"`
		Version  string          `json:"version"`
		Serial   int64           `json:"serial"`
		Previous manifest.Digest `json:"previous"`
		Date     string          `json:"date"`
		Levels   []levelWire     `json:"levels"`
		Tools    []toolWire      `json:"tools"`
	}
	levelWire struct {
		Level    int      `json:"level"`
		Channel  string   `json:"channel"`
		Date     string   `json:"date"`
		Manifest fileWire `json:"manifest"`
		Objects  fileWire `json:"objects"`
		Advisory blobWire `json:"advisory"`
	}
	toolWire struct {
		Tool       string     `json:"tool"`
		OS         string     `json:"os"`
		Arch       string     `json:"arch"`
		Version    string     `json:"version"`
		File       fileWire   `json:"file"`
		Statement  blobWire   `json:"statement"`
		Signatures []blobWire `json:"signatures"`
	}
	fileWire struct {
		SHA256       manifest.Digest `json:"sha256"`
		Size         int64           `json:"size"`
		StoredSHA256 manifest.Digest `json:"stored_sha256"`
		StoredSize   int64           `json:"stored_size"`
	}
	blobWire struct {
		SHA256 manifest.Digest `json:"sha256"`
		Size   int64           `json:"size"`
	}
)

func (f File) wire() fileWire {
	return fileWire{f.Plain.SHA256, f.Plain.Size, f.Stored.SHA256, f.Stored.Size}
}

func (w fileWire) file() File {
	return File{manifest.Blob{SHA256: w.SHA256, Size: w.Size}, manifest.Blob{SHA256: w.StoredSHA256, Size: w.StoredSize}}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Marshal gives the canonical form: compact JSON and a newline.
func (x *Index) Marshal() []byte {
	w := indexWire{1, x.Depot, x.Product, x.Version, x.Serial, x.Previous, stamp(x.Date), []levelWire{}, []toolWire{}}
	for _, l := range x.Levels {
		w.Levels = append(w.Levels, levelWire{l.Level, l.Channel, stamp(l.Date), l.Manifest.wire(), l.Objects.wire(), blobWire(l.Advisory)})
	}
	for _, t := range x.Tools {
		sigs := []blobWire{}
		for _, s := range t.Signatures {
			sigs = append(sigs, blobWire(s))
		}
		file := File{manifest.Blob{SHA256: t.SHA256, Size: t.Size}, t.Stored}
		w.Tools = append(w.Tools, toolWire{t.Name, t.OS, t.Arch, t.Version, file.wire(), blobWire(t.Statement), sigs})
	}
	return append(manifest.Compact(w), '\n')
}

// parseIndex reads what Marshal wrote, byte for byte.
func parseIndex(b []byte) (*Index, error) {
	if len(b) > MaxIndex {
		return nil, fmt.Errorf("index: more than %d bytes", MaxIndex)
	}
	var w indexWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if w.Index != 1 {
		return nil, fmt.Errorf("index: version %d is unknown; a newer packlift-export reads it", w.Index)
	}
	x := &Index{Depot: w.Depot, Product: w.Product, Version: w.Version, Serial: w.Serial, Previous: w.Previous}
	var err error
	if x.Date, err = time.Parse(time.RFC3339, w.Date); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	for _, l := range w.Levels {
		date, err := time.Parse(time.RFC3339, l.Date)
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		x.Levels = append(x.Levels, Level{l.Level, l.Channel, date.UTC(), l.Manifest.file(), l.Objects.file(), manifest.Blob(l.Advisory)})
	}
	for _, t := range w.Tools {
		x.Tools = append(x.Tools, t.tool())
	}
	if err := x.Check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(x.Marshal(), b) {
		return nil, errors.New("index: not in canonical form")
	}
	return x, nil
}

func (w toolWire) tool() Tool {
	f := w.File.file()
	t := Tool{Name: w.Tool, Stored: f.Stored, Statement: manifest.Blob(w.Statement),
		Tool: bundle.Tool{OS: w.OS, Arch: w.Arch, Version: w.Version, Size: f.Plain.Size, SHA256: f.Plain.SHA256}}
	for _, s := range w.Signatures {
		t.Signatures = append(t.Signatures, manifest.Blob(s))
	}
	return t
}

// Check returns the first rule of docs/depot.md that x breaks.
func (x *Index) Check() error {
	if id, err := hex.DecodeString(x.Depot); err != nil || len(id) != 16 || hex.EncodeToString(id) != x.Depot {
		return fmt.Errorf("index: depot %.80q is not 32 lower-case hex digits", x.Depot)
	}
	if err := manifest.CheckProduct(x.Product, x.Version); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if x.Serial < 1 || x.Serial > maxSerial || x.Previous.IsZero() != (x.Serial == 1) {
		return fmt.Errorf("index: serial number %d, or the digest before it, is out of range", x.Serial)
	}
	for i := range x.Levels {
		if err := x.Levels[i].check(); err != nil {
			return err
		}
		if i > 0 && x.Levels[i].Level <= x.Levels[i-1].Level {
			return fmt.Errorf("index: level %d stands after level %d", x.Levels[i].Level, x.Levels[i-1].Level)
		}
	}
	return x.checkTools()
}

func (l *Level) check() error {
	if l.Level < 0 || l.Level > manifest.MaxLevel {
		return fmt.Errorf("index: level %d is not 0 to %d", l.Level, manifest.MaxLevel)
	}
	if err := CheckChannel(l.Channel); err != nil {
		return fmt.Errorf("index: level %d: %w", l.Level, err)
	}
	for _, f := range []File{l.Manifest, l.Objects} {
		if !within(f.Plain, MaxList) || !within(f.Stored, 2*MaxList) {
			return fmt.Errorf("index: level %d: a list has a size out of bounds", l.Level)
		}
	}
	if !within(l.Advisory, bundle.MaxAdvisory) {
		return fmt.Errorf("index: level %d: the advisory has a size out of bounds", l.Level)
	}
	return nil
}

func within(b manifest.Blob, max int64) bool { return b.Size > 0 && b.Size <= max }

func (x *Index) checkTools() error {
	if len(x.Tools) > MaxTools {
		return fmt.Errorf("index: %d tools, the most is %d", len(x.Tools), MaxTools)
	}
	for i, t := range x.Tools {
		if t.Name != Importer && t.Name != Exporter {
			return fmt.Errorf("index: %.80q is no tool", t.Name)
		}
		if err := t.Check(); err != nil {
			return fmt.Errorf("index: %w", err)
		}
		if !within(t.Stored, 2*bundle.MaxTool) || !within(t.Statement, bundle.MaxStatement) {
			return fmt.Errorf("index: the %s for %s/%s has a size out of bounds", t.Name, t.OS, t.Arch)
		}
		if len(t.Signatures) > MaxSignatures {
			return fmt.Errorf("index: the %s for %s/%s has %d signatures", t.Name, t.OS, t.Arch, len(t.Signatures))
		}
		for _, s := range t.Signatures {
			if !within(s, bundle.MaxSignature) {
				return fmt.Errorf("index: a signature of the %s for %s/%s has a size out of bounds", t.Name, t.OS, t.Arch)
			}
		}
		if i > 0 && x.Tools[i-1].key() >= t.key() {
			return fmt.Errorf("index: the %s for %s/%s is out of order, or stands there twice", t.Name, t.OS, t.Arch)
		}
	}
	return nil
}

func (t *Tool) key() string { return t.Name + " " + t.OS + " " + t.Arch }

// CheckChannel returns an error unless name has 1 to 64 of a-z 0-9 . _ -, beginning with a letter.
func CheckChannel(name string) error {
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
	}
	if name == "" || len(name) > 64 || name[0] < 'a' || name[0] > 'z' || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("channel %.80q: use 1 to 64 of a-z 0-9 . _ -, beginning with a letter", name)
	}
	return nil
}

// FullChannel is the channel that offers every level.
const FullChannel = "full"

// Offered lists the levels that a channel offers: all in the full one, in any
// other those that were published to it.
func (x *Index) Offered(channel string) []Level {
	var out []Level
	for _, l := range x.Levels {
		if channel == FullChannel || l.Channel == channel {
			out = append(out, l)
		}
	}
	return out
}

// Find returns the record of a level.
func (x *Index) Find(level int) (Level, bool) {
	for _, l := range x.Levels {
		if l.Level == level {
			return l, true
		}
	}
	return Level{}, false
}

// SortTools puts tools into the index's order.
func SortTools(list []Tool) {
	slices.SortFunc(list, func(a, b Tool) int { return strings.Compare(a.key(), b.key()) })
}
