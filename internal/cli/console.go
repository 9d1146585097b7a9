package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// Streams are what a run reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Console prints by the output rules of the package doc. It is safe for use by several goroutines.
type Console struct {
	streams Streams
	mu      sync.Mutex
	failed  error // the first error of writing to standard output
	changed bool  // see Changed
	bar     *Progress

	json, quiet, verbose, noProgress bool
	color                            Choice
	mark                             string // set by Marked
	parent                           *Console
}

// NewConsole makes a console that prints plainly until flags say otherwise.
func NewConsole(s Streams) *Console {
	return &Console{streams: s, color: NewChoice("auto", "auto", "always", "never")}
}

// Marked returns a console that prints the word before each line, and puts it
// into each JSON line as its status.
func (c *Console) Marked(word string) *Console {
	return &Console{parent: c.base(), mark: word}
}

func (c *Console) base() *Console {
	if c.parent != nil {
		return c.parent
	}
	return c
}

// JSON reports whether standard output carries JSON lines.
func (c *Console) JSON() bool { return c.base().json }

// Verbose reports whether details are wanted.
func (c *Console) Verbose() bool { return c.base().verbose }

// Stdin is standard input.
func (c *Console) Stdin() io.Reader { return c.base().streams.In }

// Stdout is standard output, for bytes that are the result themselves (-o -).
func (c *Console) Stdout() io.Writer { return c.base().streams.Out }

// Data prints what was asked for: v as one JSON line of the given type, or
// the text, which may have several lines, followed by a newline.
func (c *Console) Data(kind string, v any, text string) {
	if c.JSON() {
		c.emit(kind, v)
		return
	}
	c.lines(c.base().streams.Out, c.word("", ""), text)
}

// Result is Data that -q leaves out.
func (c *Console) Result(kind string, v any, text string) {
	if b := c.base(); !b.quiet || b.json {
		c.Data(kind, v, text)
	}
}

// Changed says that the run has made its change. A result that cannot be
// written from then on is a warning: the exit code tells of the change.
func (c *Console) Changed() {
	b := c.base()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = true
}

// lost is how a run ends whose work went well while standard output did not
// take all of it: a reader that went away had what it wanted.
func (c *Console) lost() error {
	switch {
	case c.failed == nil || !c.changed && isBrokenPipe(c.failed):
		return nil
	case c.changed:
		c.Warn("%s; what was to be done is done", c.failed)
		return nil
	}
	return c.failed
}

// Note says on standard error what goes on.
func (c *Console) Note(format string, args ...any) {
	if b := c.base(); !b.quiet {
		c.lines(b.streams.Err, c.word("", ""), fmt.Sprintf(format, args...))
	}
}

// Detail is a Note that only -v shows.
func (c *Console) Detail(format string, args ...any) {
	if c.base().verbose {
		c.Note(format, args...)
	}
}

// Warn prints a warning.
func (c *Console) Warn(format string, args ...any) {
	c.lines(c.base().streams.Err, c.word("warning: ", yellow), fmt.Sprintf(format, args...))
}

// Hint prints what to type next.
func (c *Console) Hint(format string, args ...any) {
	c.lines(c.base().streams.Err, c.word("hint: ", cyan), fmt.Sprintf(format, args...))
}

// failure prints err's message with its class.
func (c *Console) failure(message, class string) {
	c.lines(c.base().streams.Err, c.word("error: ", red), fmt.Sprintf("%s [%s]", message, class))
}

// word is the prefix of a line: the mark if there is one, then the label, coloured.
func (c *Console) word(label, color string) string {
	if c.mark != "" {
		label = c.mark + " " + label
	}
	if label == "" || color == "" || !c.colored(c.base().streams.Err) {
		return label
	}
	return color + label + reset
}

func (c *Console) lines(w io.Writer, prefix, text string) {
	b := c.base()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.clear()
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		_, err := fmt.Fprintln(w, prefix+Clean(line))
		b.note(w, err)
	}
}

// note keeps the first failed write to standard output: the run ends with it.
func (c *Console) note(w io.Writer, err error) {
	if err != nil && w == c.streams.Out && c.failed == nil {
		c.failed = fmt.Errorf("cannot write to standard output: %w", err)
	}
}

// emit prints one JSON line. v marshals to a JSON object or is nil.
func (c *Console) emit(kind string, v any) {
	line, err := jsonLine(kind, c.mark, v)
	b := c.base()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		_, err = b.streams.Out.Write(line)
	}
	b.note(b.streams.Out, err)
}

// jsonLine puts message_type, and status where there is one, before v's own keys.
func jsonLine(kind, status string, v any) ([]byte, error) {
	head := map[string]string{"message_type": kind}
	if status != "" {
		head["status"] = status
	}
	start, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	body := []byte("{}")
	if v != nil {
		if body, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("message of type %s is not a JSON object", kind)
	}
	line := bytes.TrimSuffix(start, []byte("}"))
	if len(body) > 2 {
		line = append(line, ',')
	}
	return append(escapeHidden(append(line, body[1:]...)), '\n'), nil
}

// escapeHidden writes what Clean escapes as \u escapes: JSON allows it raw in
// strings (RFC 8259, 7), but a terminal obeys it. Outside of strings a JSON text holds nothing of the kind.
func escapeHidden(line []byte) []byte {
	if bytes.IndexFunc(line, hidden) < 0 && utf8.Valid(line) {
		return line
	}
	out := make([]byte, 0, len(line)+64)
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		if hidden(r) || r == utf8.RuneError {
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, line[:size]...)
		}
		line = line[size:]
	}
	return out
}

const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	green  = "\x1b[32m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// colored reports whether text for w is coloured.
func (c *Console) colored(w io.Writer) bool {
	switch c.base().color.String() {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && runtime.GOOS != "windows" && isTerminal(w)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Clean escapes what is not printable in s: control characters, invalid UTF-8
// and the marks that reorder text (Unicode bidi controls, as in CVE-2021-42574).
func Clean(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hidden(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return r != ' ' && r != '\t' && !unicode.IsPrint(r) }
