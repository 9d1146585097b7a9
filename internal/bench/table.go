package main

import (
	"strings"
	"unicode/utf8"
)

// table writes rows, the first of them the head, so that both a terminal and
// Markdown show it well: the first column to the left, the others to the right.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				out.WriteString("| " + cell + pad)
			} else {
				out.WriteString(" | " + pad + cell)
			}
		}
		out.WriteString(" |\n")
		if n == 0 {
			for i, w := range widths {
				if i == 0 {
					out.WriteString("|-" + strings.Repeat("-", w) + "-")
				} else {
					out.WriteString("|-" + strings.Repeat("-", w) + ":")
				}
			}
			out.WriteString("|\n")
		}
	}
	return out.String()
}
