package pack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"packlift/internal/manifest"
)

// AuditReport is what CheckAudit found. Lines count from 1. BrokenLine is the
// first line at which the chain does not hold, 0 if it holds throughout; Reason
// says why. Mended are lines that a crash tore and a later record vouches for.
// Lost is the first event of the state's history that has no record, nil if each
// has one, in order; it is not looked for in a broken chain. Last is the digest of the last record, worth writing down elsewhere.
type AuditReport struct {
	Records    int
	Mended     []int
	BrokenLine int
	Reason     string
	Lost       *Event
	Last       manifest.Digest
}

// OK reports whether the whole chain holds, and nothing of it is lost.
func (r AuditReport) OK() bool { return r.BrokenLine == 0 && r.Lost == nil }

const maxMended = 1000

// CheckAudit reads the whole audit log and checks each record's digest, number
// and link to the one before, and that each event of the state's history has
// its record. The error is about reading; what the log's content shows is in the
// report.
func (p *Pack) CheckAudit() (AuditReport, error) {
	state, err := p.State() // before the log, which a run at work may add to
	if err != nil {
		return AuditReport{}, err
	}
	history, err := p.settled(state.History)
	if err != nil {
		return AuditReport{}, err
	}
	f, err := p.root.Open(AuditFile)
	if errors.Is(err, fs.ErrNotExist) {
		return checkAudit(strings.NewReader(""), history)
	}
	if err != nil {
		return AuditReport{}, err
	}
	defer f.Close()
	return checkAudit(f, history)
}

// settled leaves out the newest event while its run is unfinished: a run writes
// the state first, and its record after that.
func (p *Pack) settled(history []Event) ([]Event, error) {
	there, err := p.root.Exists(JournalFile)
	if err == nil && there && len(history) > 0 {
		history = history[:len(history)-1]
	}
	return history, err
}

func checkAudit(r io.Reader, history []Event) (AuditReport, error) {
	c := auditChecker{last: &record{}, want: history}
	in := bufio.NewReaderSize(r, maxRecord+1)
	for c.report.BrokenLine == 0 {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		c.line++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			c.broken(fmt.Errorf("is longer than %d bytes", maxRecord))
		case errors.Is(err, io.EOF):
			c.broken(errors.New("is cut off; the next change of the pack mends it if a crash did it"))
		case err != nil:
			return c.report, err
		default:
			c.add(line[:len(line)-1])
		}
	}
	if c.tornAt > 0 && c.report.BrokenLine == 0 {
		c.unmended()
	}
	if len(c.want) > 0 && c.report.BrokenLine == 0 {
		c.report.Lost = &c.want[0]
	}
	c.report.Last = c.last.Sum
	return c.report, nil
}

// auditChecker sees the lines in order.
type auditChecker struct {
	report  AuditReport
	line    int
	last    *record
	want    []Event // of the history, those not met yet
	torn    []byte  // lines that the next record has to vouch for
	tornAt  int     // the first of them, 0 for none
	tornWhy error
}

func (c *auditChecker) add(line []byte) {
	r, err := parseRecord(line)
	switch {
	case err != nil:
		c.tear(line, err)
		return
	case c.tornAt > 0 && !c.vouches(r):
		c.unmended()
		return
	case r.Seq != c.last.Seq+1:
		c.broken(fmt.Errorf("has number %d after %d", r.Seq, c.last.Seq))
		return
	case r.Prev != c.last.Sum:
		c.broken(errors.New("does not follow from the record before it"))
		return
	}
	if c.tornAt > 0 {
		c.mended()
	}
	c.last = r
	c.report.Records++
	if len(c.want) > 0 && r.tells(&c.want[0]) {
		c.want = c.want[1:]
	}
}

// tear notes a line that is no record.
func (c *auditChecker) tear(line []byte, why error) {
	if c.tornAt == 0 {
		c.tornAt, c.tornWhy = c.line, why
	} else {
		c.torn = append(c.torn, '\n')
	}
	if c.torn = append(c.torn, line...); len(c.torn) > auditTail {
		c.unmended()
	}
}

func (c *auditChecker) unmended() {
	c.line = c.tornAt
	c.broken(c.tornWhy)
}

func (c *auditChecker) mended() {
	for at := c.tornAt; at < c.line; at++ {
		c.report.Mended = append(c.report.Mended, at)
	}
	if c.torn, c.tornAt = nil, 0; len(c.report.Mended) > maxMended {
		c.broken(errors.New("is one torn line too many"))
	}
}

// tells reports whether the record is that of an event.
func (r *record) tells(e *Event) bool {
	if r.Event != e.Kind {
		return false
	}
	if e.Kind == "init" {
		return r.Fields["level"] == float64(e.To)
	}
	bundle, _ := r.Fields["bundle"].(string)
	return r.Fields["from"] == float64(e.From) && r.Fields["to"] == float64(e.To) && bundle == e.Bundle
}

func (c *auditChecker) vouches(r *record) bool {
	length, ok := r.Fields["length"].(float64)
	return r.Event == mendedEvent && ok && int(length) == len(c.torn) && r.Fields["line_sha256"] == manifest.Sum(c.torn).String()
}

func (c *auditChecker) broken(why error) {
	c.report.BrokenLine, c.report.Reason = c.line, clean(why.Error())
}
