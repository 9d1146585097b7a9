package main

import (
	"fmt"
	"os"
	"strings"
)

// section is a part of the document that the bench fills in.
type section struct{ name, text string }

// writeSections puts each section between its markers in a document:
//
//	<!-- bench NAME -->
//	<!-- end -->
func writeSections(name string, all []section) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text := string(data)
	for _, s := range all {
		if text, err = fill(text, s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
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
