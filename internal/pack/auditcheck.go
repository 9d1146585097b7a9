package pack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"packlift/internal/manifest"
)

// AuditReport is what CheckAudit found. Lines count from 1. BrokenLine is the
// first line at which the chain does not hold, 0 if it holds throughout; Reason
// says why. Mended are lines that a crash tore and a later record vouches for.
// Last is the digest of the last record, worth writing down elsewhere.
type AuditReport struct {
	Records    int
	Mended     []int
	BrokenLine int
	Reason     string
	Last       manifest.Digest
}

// OK reports whether the whole chain holds.
func (r AuditReport) OK() bool { return r.BrokenLine == 0 }

const maxMended = 1000

// CheckAudit reads the whole audit log and checks each record's digest, number
// and link to the one before. The error is about reading; what the log's
// content shows is in the report. A missing log has no records and holds.
func (p *Pack) CheckAudit() (AuditReport, error) {
	f, err := p.root.Open(AuditFile)
	if errors.Is(err, fs.ErrNotExist) {
		return AuditReport{}, nil
	}
	if err != nil {
		return AuditReport{}, err
	}
	defer f.Close()
	return checkAudit(f)
}

func checkAudit(r io.Reader) (AuditReport, error) {
	c := auditChecker{last: &record{}}
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
	if c.torn != nil && c.report.BrokenLine == 0 {
		c.line = c.tornAt
		c.broken(c.tornWhy)
	}
	c.report.Last = c.last.Sum
	return c.report, nil
}

// auditChecker sees the lines in order.
type auditChecker struct {
	report  AuditReport
	line    int
	last    *record
	torn    *tornLine // a line that the next record has to vouch for
	tornAt  int
	tornWhy error
}

func (c *auditChecker) add(line []byte) {
	r, err := parseRecord(line)
	switch {
	case err != nil && c.torn == nil:
		c.torn, c.tornAt, c.tornWhy = &tornLine{length: len(line), sum: manifest.Sum(line)}, c.line, err
		return
	case c.torn != nil && (err != nil || !c.vouches(r)):
		c.line = c.tornAt
		c.broken(c.tornWhy)
		return
	case r.Seq != c.last.Seq+1:
		c.broken(fmt.Errorf("has number %d after %d", r.Seq, c.last.Seq))
		return
	case r.Prev != c.last.Sum:
		c.broken(errors.New("does not follow from the record before it"))
		return
	}
	if c.torn != nil {
		c.report.Mended = append(c.report.Mended, c.tornAt)
		if c.torn = nil; len(c.report.Mended) > maxMended {
			c.broken(errors.New("is one torn line too many"))
		}
	}
	c.last = r
	c.report.Records++
}

func (c *auditChecker) vouches(r *record) bool {
	length, ok := r.Fields["length"].(float64)
	return r.Event == mendedEvent && ok && int(length) == c.torn.length && r.Fields["line_sha256"] == c.torn.sum.String()
}

func (c *auditChecker) broken(why error) {
	c.report.BrokenLine, c.report.Reason = c.line, clean(why.Error())
}
