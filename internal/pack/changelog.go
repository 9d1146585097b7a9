package pack

import (
	"bytes"
	"fmt"
	"strings"
	"text/template"

	"packlift/internal/fault"
)

const maxTemplate = 64 << 10

// ChangelogName is the file, in updates/, of a change from one level to
// another: changelog-0003-0010.md. A pack that held nothing counts as level 0.
func ChangelogName(from, to int) string {
	return fmt.Sprintf("changelog-%04d-%04d.md", max(from, 0), max(to, 0))
}

// HotfixChangelogName is the file, in updates/, of a hotfix on a level:
// changelog-0003-hf-1.md.
func HotfixChangelogName(level, hotfix int) string {
	return fmt.Sprintf("changelog-%04d-hf-%d.md", level, hotfix)
}

// Changelog is the Markdown text that an update leaves: product, levels, and
// the paths added, updated and removed, each list as given.
func Changelog(product, version string, from, to int, added, modified, removed []string) []byte {
	what := fmt.Sprintf("Update level: %s -> %s", fourDigits(from), fourDigits(to))
	return changelog(product, version, what, added, modified, removed)
}

// HotfixChangelog is Changelog of a hotfix on a level.
func HotfixChangelog(product, version string, level, hotfix int, added, modified, removed []string) []byte {
	what := fmt.Sprintf("Hotfix: %d of update level %s", hotfix, fourDigits(level))
	return changelog(product, version, what, added, modified, removed)
}

// Comparison is Changelog of two things that are no levels of one product, by their names.
func Comparison(from, to string, added, modified, removed []string) []byte {
	return listed(fmt.Sprintf("Compared: %s -> %s", codeSpan(from), codeSpan(to)), added, modified, removed)
}

func changelog(product, version, what string, added, modified, removed []string) []byte {
	return listed(fmt.Sprintf("Product: %s-%s\n\n%s", product, version, what), added, modified, removed)
}

func listed(head string, added, modified, removed []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Changelog\n\n%s\n", head)
	section(&b, "Added Files", added)
	section(&b, "Updated Files", modified)
	section(&b, "Removed Files", removed)
	return b.Bytes()
}

func fourDigits(level int) string {
	if level == NoLevel {
		return LevelName(level)
	}
	return fmt.Sprintf("%04d", level)
}

func section(b *bytes.Buffer, title string, paths []string) {
	fmt.Fprintf(b, "\n## %s (%d)\n\n", title, len(paths))
	if len(paths) == 0 {
		b.WriteString("_None_\n")
	}
	for _, p := range paths {
		fmt.Fprintf(b, "- %s\n", codeSpan(p))
	}
}

// codeSpan quotes a path for Markdown; a fence longer than any run of backticks
// inside keeps a path from ending it (CommonMark 6.1).
func codeSpan(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// lines is a list that a template prints one a line and can range over.
type lines []string

func (l lines) String() string { return strings.Join(l, "\n") }

type fields struct{ Added, Modified, Removed lines }

// RenderTemplate fills the user's template with .Added, .Modified and .Removed:
// lists that print one path a line (text/template).
func RenderTemplate(text string, added, modified, removed []string) (string, error) {
	if len(text) > maxTemplate {
		return "", fault.New(fault.Usage, "the template is longer than %d bytes", maxTemplate)
	}
	t, err := template.New("template").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", templateFault(err)
	}
	var b strings.Builder
	if err := t.Execute(&b, fields{added, modified, removed}); err != nil {
		return "", templateFault(err)
	}
	return b.String(), nil
}

func templateFault(err error) error {
	return fault.New(fault.Usage, "%w", err).WithHint("a template may use {{.Added}}, {{.Modified}} and {{.Removed}}")
}
