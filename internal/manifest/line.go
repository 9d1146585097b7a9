package manifest

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// line is an entry as its JSON has it.
type line struct {
	Path   string  `json:"path"`
	Type   Type    `json:"type"`
	Mode   string  `json:"mode,omitempty"`
	Size   *int64  `json:"size,omitempty"`
	SHA256 *Digest `json:"sha256,omitempty"`
	Target string  `json:"target,omitempty"`
}

func toLine(e *Entry) line {
	l := line{Path: e.Path, Type: e.Type, Target: e.Target}
	if e.Type == File || e.Type == Dir {
		l.Mode = octal(e.Mode)
	}
	if e.Type == File {
		l.Size, l.SHA256 = &e.Size, &e.SHA256
	}
	return l
}

// octal gives permission bits as four digits, and whatever else is there as it is.
func octal(mode uint32) string {
	if mode > 0o777 {
		return fmt.Sprintf("%04o", mode)
	}
	return string([]byte{'0', '0' + byte(mode>>6), '0' + byte(mode>>3&7), '0' + byte(mode&7)})
}

func (l *line) entry() (Entry, error) {
	e := Entry{Path: l.Path, Type: l.Type.shared(), Target: l.Target}
	if l.Mode != "" {
		mode, err := strconv.ParseUint(l.Mode, 8, 32)
		if err != nil {
			return e, fmt.Errorf("mode %q is not octal", l.Mode)
		}
		e.Mode = uint32(mode)
	}
	if l.Size != nil {
		e.Size = *l.Size
	}
	if l.SHA256 != nil {
		e.SHA256 = *l.SHA256
	}
	return e, nil
}

// appendLine appends what compact gives for l, without reflection: manifests have
// up to a million lines, and each is spelled again to see that it is canonical.
func appendLine(b []byte, l line) []byte {
	b = appendString(append(b, `{"path":`...), l.Path)
	b = appendString(append(b, `,"type":`...), string(l.Type))
	if l.Mode != "" {
		b = appendString(append(b, `,"mode":`...), l.Mode)
	}
	if l.Size != nil {
		b = strconv.AppendInt(append(b, `,"size":`...), *l.Size, 10)
	}
	if l.SHA256 != nil {
		b = append(hex.AppendEncode(append(b, `,"sha256":"`...), l.SHA256[:]), '"')
	}
	if l.Target != "" {
		b = appendString(append(b, `,"target":`...), l.Target)
	}
	return append(b, '}')
}

// appendString appends s as JSON; encoding/json escapes what is not plain.
func appendString(b []byte, s string) []byte {
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		return append(b, compact(s)...)
	}
	return append(append(append(b, '"'), s...), '"')
}
