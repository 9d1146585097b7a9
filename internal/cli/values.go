package cli

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"packlift/internal/count"
	"packlift/internal/manifest"
)

// Choice is a flag that takes one of a few words.
type Choice struct {
	value   string
	allowed []string
}

// NewChoice makes a Choice with a default.
func NewChoice(value string, allowed ...string) Choice {
	return Choice{value, allowed}
}

// Set takes one of the allowed words.
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("use one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = s
	return nil
}

func (c *Choice) String() string { return c.value }

// Type is the word that usage shows.
func (c *Choice) Type() string { return strings.Join(c.allowed, "|") }

// Level is a flag for an update level: 10, or with the product's version in front, 4.2.0.10.
type Level struct {
	given   bool
	version string
	n       int
}

// Set reads a level, 0 to 9999.
func (l *Level) Set(s string) error {
	version, digits := "", s
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		version, digits = s[:i], s[i+1:]
		if version == "" || manifest.CheckProduct("x", version) != nil {
			return errors.New("use a level such as 10 or 4.2.0.10")
		}
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n > manifest.MaxLevel || digits[0] == '+' {
		return fmt.Errorf("use a level from 0 to %d, such as 10 or 4.2.0.10", manifest.MaxLevel)
	}
	*l = Level{true, version, int(n)}
	return nil
}

func (l *Level) String() string {
	switch {
	case !l.given:
		return ""
	case l.version != "":
		return l.version + "." + strconv.Itoa(l.n)
	}
	return strconv.Itoa(l.n)
}

// Type is the word that usage shows.
func (l *Level) Type() string { return "LEVEL" }

// Given reports whether the flag was set.
func (l *Level) Given() bool { return l.given }

// For gives the level's number for a product of the version; a level written
// with another version in front is an error.
func (l *Level) For(version string) (int, error) {
	if l.version != "" && l.version != version {
		return 0, fmt.Errorf("level %s is of version %s, the product's version is %s", l, l.version, version)
	}
	return l.n, nil
}

// Size is a flag for a number of bytes: 4096, 512MiB, 1GiB, 2GB.
type Size int64

var units = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

// Set reads a whole number and a unit.
func (z *Size) Set(s string) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n <= 0 || n > math.MaxInt64/u.factor {
			break
		}
		*z = Size(n * u.factor)
		return nil
	}
	return errors.New("use a size such as 512MiB or 1GiB")
}

func (z *Size) String() string { return Bytes(int64(*z)) }

// Type is the word that usage shows.
func (z *Size) Type() string { return "SIZE" }

// Bytes writes a number of bytes for people: 512 B, 1.5 MiB.
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/(1<<10), 0
	for v >= 1<<10 && i < 4 {
		v, i = v/(1<<10), i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[i]
}

// Count writes a number of things: 1 check, 2 checks.
func Count(n int, thing string) string {
	return count.Of(n, thing)
}

// Duration is a flag for a span of time: Go's units, and d for 24 hours, w for 7 days.
type Duration time.Duration

// Set reads 30d, 2w, 90m or 1d12h.
func (d *Duration) Set(s string) error {
	total, rest := time.Duration(0), s
	for _, u := range []struct {
		mark string
		span time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		digits, after, ok := strings.Cut(rest, u.mark)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return errDuration
		}
		total, rest = total+time.Duration(n)*u.span, after
	}
	if rest != "" {
		span, err := time.ParseDuration(rest)
		if err != nil || span < 0 {
			return errDuration
		}
		total += span
	}
	if s == "" || total < 0 {
		return errDuration
	}
	*d = Duration(total)
	return nil
}

var errDuration = errors.New("use a duration such as 30d, 2w, 12h or 90s")

func (d *Duration) String() string {
	span := time.Duration(*d)
	if day := 24 * time.Hour; span >= day && span%day == 0 {
		return fmt.Sprintf("%dd", span/day)
	}
	return span.String()
}

// Type is the word that usage shows.
func (d *Duration) Type() string { return "DURATION" }

// Product is a flag for NAME-VERSION.
type Product struct{ Name, Version string }

// Set splits at the last hyphen before a digit.
func (p *Product) Set(s string) error {
	name, version, err := manifest.SplitProduct(s)
	if err != nil {
		return errors.New("use NAME-VERSION, such as wso2am-4.2.0")
	}
	if err := manifest.CheckProduct(name, version); err != nil {
		return err
	}
	*p = Product{name, version}
	return nil
}

func (p *Product) String() string {
	if p.Name == "" {
		return ""
	}
	return p.Name + "-" + p.Version
}

// Type is the word that usage shows.
func (p *Product) Type() string { return "NAME-VERSION" }

// Platforms is a repeatable flag for os/arch; `all` stands for every platform.
type Platforms []string

// supported are the platforms that the tools are built for (DESIGN.md).
var supported = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// Set adds one platform, or several with commas between.
func (p *Platforms) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if one != "all" && !slices.Contains(supported, one) {
			return fmt.Errorf("use all or one of %s", strings.Join(supported, ", "))
		}
		if !slices.Contains(*p, one) {
			*p = append(*p, one)
		}
	}
	return nil
}

func (p *Platforms) String() string { return strings.Join(*p, ",") }

// Type is the word that usage shows.
func (p *Platforms) Type() string { return "OS/ARCH" }

// Here is this machine's platform.
func Here() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Date is a flag for a day or a moment: 2027-05-01 or RFC 3339.
type Date struct{ time.Time }

// Set reads a day (its last second, UTC) or an RFC 3339 time.
func (d *Date) Set(s string) error {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		d.Time = t.Add(24*time.Hour - time.Second)
		return nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("use a day such as 2027-05-01, or a time such as 2027-05-01T12:00:00Z")
	}
	d.Time = t.UTC().Truncate(time.Second)
	return nil
}

func (d *Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.RFC3339)
}

// Type is the word that usage shows.
func (d *Date) Type() string { return "DATE" }

// Sequence is a flag for a manifest.Sequence: a level, or epoch.level.hotfix.
type Sequence manifest.Sequence

// Set reads 10 or 0.10.2.
func (q *Sequence) Set(s string) error {
	var n [3]int
	parts := strings.Split(s, ".")
	if len(parts) == 1 {
		parts = []string{"0", s, "0"}
	}
	if len(parts) != len(n) {
		return errSequence
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return errSequence
		}
		n[i] = int(v)
	}
	got := manifest.Sequence{Epoch: n[0], Level: n[1], Hotfix: n[2]}
	if err := got.Check(); err != nil {
		return err
	}
	*q = Sequence(got)
	return nil
}

var errSequence = errors.New("use a level such as 10, or EPOCH.LEVEL.HOTFIX such as 0.10.2")

func (q *Sequence) String() string {
	if *q == (Sequence{}) {
		return ""
	}
	return manifest.Sequence(*q).String()
}

// Type is the word that usage shows.
func (q *Sequence) Type() string { return "SEQUENCE" }

// Version is what was written in front of the level, "" if nothing was.
func (l *Level) Version() string { return l.version }

// ownWords marks the values whose errors say what they take and repeat nothing
// of what they got.
func (c *Choice) ownWords()    {}
func (l *Level) ownWords()     {}
func (z *Size) ownWords()      {}
func (d *Duration) ownWords()  {}
func (p *Platforms) ownWords() {}
func (d *Date) ownWords()      {}
