package pack

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
)

// AuditEvents calls each with the fields of every whole record of event, in the log's
// order. It vouches for nothing, as CheckAudit does.
func (p *Pack) AuditEvents(event string, each func(fields map[string]any)) error {
	f, err := p.root.Open(AuditFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, maxRecord+1)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // no record is so long; what follows of it is none either
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			if r, err := parseRecord(line[:len(line)-1]); err == nil && r.Event == event {
				each(r.Fields)
			}
		}
	}
}
