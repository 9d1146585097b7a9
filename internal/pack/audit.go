package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// The audit log is one JSON object a line:
//
//	{"seq":7,"time":"2026-11-21T21:54:38Z","event":"update", FIELDS…, "prev":"HEX","sha256":"HEX"}
//
// seq counts from 1. prev is the sha256 of the record before, 64 zeros in the
// first. sha256 is over the line's bytes up to and without `,"sha256":"…"}`, to
// which one `}` is added. FIELDS stand in the order of their names.
//
// A crash can leave a last line that is not a whole record, and a crash while
// that is mended another one after it. The next record then has the event
// "mended" and says length and SHA-256 of all from the last whole record on, less
// the last line end; that stays where it is, and prev goes on from the last whole record.

const (
	maxRecord   = 64 << 10
	auditTail   = 4 * maxRecord
	mendedEvent = "mended"
)

var reservedFields = []string{"seq", "time", "event", "prev", "sha256"}

type record struct {
	Seq    int
	Event  string
	Fields map[string]any
	Prev   manifest.Digest
	Sum    manifest.Digest
	Time   time.Time
}

// marshal gives the line without its line end, and sets Sum.
func (r *record) marshal() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"seq":%d,"time":%s,"event":%s`, r.Seq, quoted(r.Time.UTC().Format(time.RFC3339)), quoted(r.Event))
	for _, k := range slices.Sorted(maps.Keys(r.Fields)) {
		if slices.Contains(reservedFields, k) {
			return nil, fmt.Errorf("audit: the field %q is reserved", k)
		}
		v, err := json.Marshal(r.Fields[k])
		if err != nil {
			return nil, fmt.Errorf("audit: field %q: %w", k, err)
		}
		fmt.Fprintf(&b, ",%s:%s", quoted(k), v)
	}
	fmt.Fprintf(&b, `,"prev":"%s"`, r.Prev)
	r.Sum = manifest.Sum(append(bytes.Clone(b.Bytes()), '}'))
	fmt.Fprintf(&b, `,"sha256":"%s"}`, r.Sum)
	if b.Len() >= maxRecord {
		return nil, fmt.Errorf("audit: the record has %d bytes, the most is %d", b.Len(), maxRecord-1)
	}
	return b.Bytes(), nil
}

func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("pack: a string does not marshal: " + err.Error())
	}
	return b
}

// parseRecord reads one line without its line end and checks its own digest.
func parseRecord(line []byte) (*record, error) {
	const tail = `,"sha256":"` // then 64 digits and `"}`
	cut := len(line) - len(tail) - 64 - 2
	if cut < 0 || string(line[cut:cut+len(tail)]) != tail {
		return nil, errors.New("does not end in its digest")
	}
	sum, err := manifest.ParseDigest(string(line[cut+len(tail) : len(line)-2]))
	if err != nil {
		return nil, err
	}
	if manifest.Sum(append(bytes.Clone(line[:cut]), '}')) != sum {
		return nil, errors.New("has another digest than it states")
	}
	var head struct {
		Seq   int             `json:"seq"`
		Time  time.Time       `json:"time"`
		Event string          `json:"event"`
		Prev  manifest.Digest `json:"prev"`
	}
	r := &record{Sum: sum}
	if err := errors.Join(json.Unmarshal(line, &head), json.Unmarshal(line, &r.Fields)); err != nil {
		return nil, err
	}
	for _, k := range reservedFields {
		delete(r.Fields, k)
	}
	r.Seq, r.Time, r.Event, r.Prev = head.Seq, head.Time, head.Event, head.Prev
	return r, nil
}

// Audit adds a record, durably. It never refuses because of what the log holds
// already: a damaged log is told by CheckAudit, and work goes on.
func (p *Pack) Audit(event string, fields map[string]any) error {
	tail, err := p.auditTail()
	if err != nil {
		return err
	}
	return p.appendAudit(tail, event, fields)
}

// AuditOnce is Audit for a step that may be repeated after a crash: it does
// nothing if one of the newest records has the same event and fields.
func (p *Pack) AuditOnce(event string, fields map[string]any) error {
	tail, err := p.auditTail()
	if err != nil {
		return err
	}
	// What is looked for goes the same way as what was written: to bytes and back.
	b, err := (&record{Event: event, Fields: fields}).marshal()
	if err != nil {
		return err
	}
	want, err := parseRecord(b)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for line := range bytes.SplitSeq(tail, []byte{'\n'}) {
		if r, err := parseRecord(line); err == nil && r.Event == event && reflect.DeepEqual(r.Fields, want.Fields) {
			return nil
		}
	}
	return p.appendAudit(tail, event, fields)
}

// AuditGrowth is how many bytes a record of event will add to the log's size,
// and what that is now.
func (p *Pack) AuditGrowth(event string, fields map[string]any) (size, more int64, err error) {
	info, err := p.root.Lstat(AuditFile)
	if err == nil {
		size = info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, err
	}
	b, err := (&record{Seq: int(size / 100), Time: time.Now(), Event: event, Fields: fields}).marshal()
	return size, int64(len(b)) + 1, err
}

func (p *Pack) appendAudit(tail []byte, event string, fields map[string]any) error {
	last, torn := lastRecord(tail)
	var out []byte
	if torn != nil {
		var err error
		if last, out, err = torn.mend(last); err != nil {
			return err
		}
	}
	next := &record{Seq: last.Seq + 1, Time: time.Now(), Event: event, Fields: fields, Prev: last.Sum}
	b, err := next.marshal()
	if err != nil {
		return err
	}
	return p.writeAudit(append(append(out, b...), '\n'))
}

// CheckAuditPlace returns an error with a hint unless the audit log is missing or
// a regular file with one name: anything else blocks, or leads the log elsewhere.
func (p *Pack) CheckAuditPlace() error {
	info, err := p.root.Lstat(AuditFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	why := "is not a regular file"
	if info.Mode().IsRegular() {
		n, err := p.root.Links(AuditFile)
		if err != nil || n < 2 {
			return err
		}
		why = "has a second name (hard link)"
	}
	return fault.New(fault.General, "%s %s; the audit log is not written there", p.root.Full(AuditFile), why).
		WithHint("move %s aside, and put a plain copy of the log in its place", AuditFile)
}

func (p *Pack) writeAudit(b []byte) error {
	there, err := p.root.Exists(AuditFile)
	if err != nil {
		return err
	}
	f, err := p.root.Append(AuditFile, privateFile)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil && !there {
		err = p.root.SyncDir(Dir)
	}
	return err
}

// tornEnd is what follows the last whole record: one line or several that are
// none; complete is set if only that record's own line end is missing.
type tornEnd struct {
	length   int
	sum      manifest.Digest
	ended    bool
	complete *record
}

// mend gives what is to be written after the torn end, and the record from
// which the chain goes on; last is the one before the torn end.
func (t *tornEnd) mend(last *record) (*record, []byte, error) {
	var out []byte
	if !t.ended {
		out = []byte{'\n'}
	}
	if t.complete != nil {
		return t.complete, out, nil
	}
	r := &record{Seq: last.Seq + 1, Time: time.Now(), Event: mendedEvent, Prev: last.Sum,
		Fields: map[string]any{"length": t.length, "line_sha256": t.sum.String()}}
	b, err := r.marshal()
	return r, append(append(out, b...), '\n'), err
}

// lastRecord finds the newest whole record in the log's tail, a zero record if
// there is none, and the torn end after it.
func lastRecord(tail []byte) (*record, *tornEnd) {
	body, ended := bytes.CutSuffix(tail, []byte{'\n'})
	for end := body; len(end) > 0; {
		start := bytes.LastIndexByte(end, '\n') + 1
		r, err := parseRecord(end[start:])
		switch {
		case err != nil:
			end = end[:max(start-1, 0)]
			continue
		case len(end) < len(body):
			return r, tornAs(body[len(end)+1:], ended)
		case ended:
			return r, nil
		}
		return r, &tornEnd{complete: r}
	}
	if len(tail) == 0 {
		return &record{}, nil
	}
	return &record{}, tornAs(body, ended)
}

func tornAs(b []byte, ended bool) *tornEnd {
	return &tornEnd{length: len(b), sum: manifest.Sum(b), ended: ended}
}

// auditTail reads the end of the log, nil if there is none.
func (p *Pack) auditTail() ([]byte, error) {
	if err := p.CheckAuditPlace(); err != nil {
		return nil, err
	}
	there, err := p.root.Exists(AuditFile)
	if err != nil || !there {
		return nil, err
	}
	f, err := p.root.Open(AuditFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", p.root.Full(AuditFile))
	}
	from := max(0, info.Size()-auditTail)
	b := make([]byte, info.Size()-from)
	n, err := f.ReadAt(b, from)
	if n < len(b) {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return b, nil
}
