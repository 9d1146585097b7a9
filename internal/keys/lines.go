package keys

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"packlift/internal/fault"
)

// eachLine calls f with every line that is neither empty nor a comment. An
// error names the file and the line's number, never its text.
func eachLine(name string, data []byte, f func(line string) error) error {
	if len(data) > MaxKeyFile {
		return fault.New(fault.Usage, "%s: longer than %d bytes", name, MaxKeyFile)
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' {
			continue
		}
		var err error
		if len(s) > maxLine || !utf8.ValidString(s) {
			err = fault.New(fault.Usage, "longer than %d bytes or not UTF-8", maxLine)
		} else {
			err = f(s)
		}
		if err != nil {
			return wrap(fmt.Sprintf("%s, line %d", name, n), err)
		}
	}
	return nil
}

// wrap puts where in front of err and keeps its class and hint; an error
// without a class is one of usage.
func wrap(where string, err error) error {
	class := fault.ClassOf(err)
	if class == fault.General {
		class = fault.Usage
	}
	return fault.New(class, "%s: %w", where, err)
}
