package main

import (
	"fmt"
	"os"
	"strings"
)

// section is a part of the document that the bench fills in.
type section struct{ name, text string }

// writeSection puts a section between its markers in a document:
//
//	<!-- bench NAME -->
//	<!-- end -->
func writeSection(name string, s section) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := fill(string(data), s)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// fill puts one section between its markers.
func fill(text string, s section) (string, error) {
	mark := "<!-- bench " + s.name + " -->\n"
	before, rest, found := strings.Cut(text, mark)
	_, after, ends := strings.Cut(rest, "<!-- end -->\n")
	if !found || !ends {
		return "", fmt.Errorf("no place for %s: %s and <!-- end --> have to stand in it", s.name, strings.TrimSpace(mark))
	}
	return before + mark + "\n" + machine() + "\n\n" + s.text + "\n<!-- end -->\n" + after, nil
}
