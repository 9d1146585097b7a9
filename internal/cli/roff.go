package cli

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/internal/version"
)

// roff is a man page in the making: the man(7) macros that every troff and mandoc
// know. cobra's generator goes through Markdown and YAML, whose readers would start
// with every run of the tools and travel in every bundle.
type roff struct{ bytes.Buffer }

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the page of one command.
func manPage(cmd *cobra.Command, date time.Time) []byte {
	var p roff
	p.macro("TH", strings.ToUpper(pageName(cmd)), "1", date.Format("Jan 2006"), "packlift "+version.Current(), "packlift")
	p.macro("nh")
	p.macro("SH", "NAME")
	p.line(pageName(cmd) + " - " + cmd.Short)
	p.macro("SH", "SYNOPSIS")
	p.macro("B", cmd.UseLine())
	p.macro("SH", "DESCRIPTION")
	p.text(longOf(cmd))
	if cmd.HasExample() {
		p.macro("SH", "EXAMPLES")
		p.text(cmd.Example)
	}
	p.flags("OPTIONS", cmd.NonInheritedFlags())
	p.flags("OPTIONS OF EVERY COMMAND", cmd.InheritedFlags())
	p.seeAlso(cmd)
	return p.Bytes()
}

func longOf(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return cmd.Short
	}
	return cmd.Long
}

var roffText = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escaped is s with nothing in it that troff would take for its own, in ASCII.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range roffText.Replace(s) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return b.String()
}

// line writes one line of text, in which nothing is a macro.
func (p *roff) line(s string) {
	if strings.HasPrefix(s, ".") {
		p.WriteString(`\&`)
	}
	p.WriteString(escaped(s) + "\n")
}

func (p *roff) macro(name string, args ...string) {
	p.WriteString("." + name)
	for _, a := range args {
		fmt.Fprintf(p, ` "%s"`, strings.ReplaceAll(escaped(a), `"`, `\(dq`))
	}
	p.WriteByte('\n')
}

// text writes paragraphs; those with indented lines stay as they are.
func (p *roff) text(s string) {
	for i, part := range strings.Split(strings.Trim(s, "\n"), "\n\n") {
		if i > 0 {
			p.macro("PP")
		}
		fixed := strings.Contains("\n"+part, "\n ")
		if fixed {
			p.macro("nf")
		}
		p.lines(part)
		if fixed {
			p.macro("fi")
		}
	}
}

func (p *roff) lines(s string) {
	for line := range strings.Lines(s) {
		p.line(strings.TrimRight(line, "\n"))
	}
}

func (p *roff) flags(title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	p.macro("SH", title)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		p.macro("TP")
		p.macro("B", flagName(f, value))
		if f.DefValue != "" && f.DefValue != "[]" && value != "" && f.DefValue != "0" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		p.line(usage)
	})
}

func flagName(f *pflag.Flag, value string) string {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	return strings.TrimSpace(name + " " + value)
}

func (p *roff) seeAlso(cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, pageName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			names = append(names, pageName(sub))
		}
	}
	if len(names) == 0 {
		return
	}
	p.macro("SH", "SEE ALSO")
	p.line(strings.Join(names, "(1), ") + "(1)")
}
