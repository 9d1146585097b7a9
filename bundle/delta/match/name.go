package match

import "strings"

// Plain is a path without what changes from one version to the next: numbers
// become #, and names that a build made from content (index-BraRl9ss.js,
// main.3f2a91c0.css) become *.
func Plain(path string) string {
	var out strings.Builder
	for len(path) > 0 {
		n := 0
		for n < len(path) && isWord(path[n]) {
			n++
		}
		if n == 0 {
			out.WriteByte(path[0])
			path = path[1:]
			continue
		}
		out.WriteString(plainWord(path[:n]))
		path = path[n:]
	}
	return strings.ReplaceAll(numbers.Replace(out.String()), "#.#", "#")
}

// numbers joins a version of several numbers into one.
var numbers = strings.NewReplacer("#.#.#.#", "#", "#.#.#", "#", "#.#", "#", "#-#", "#")

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func plainWord(w string) string {
	if isHash(w) {
		return "*"
	}
	var out strings.Builder
	digits := false
	for i := range len(w) {
		digit := w[i] >= '0' && w[i] <= '9'
		if !digit {
			out.WriteByte(w[i])
		} else if !digits {
			out.WriteByte('#')
		}
		digits = digit
	}
	return out.String()
}

// isHash guesses whether a word was made from content: at least six letters
// and digits, mixed as words are not.
func isHash(w string) bool {
	if len(w) < 6 {
		return false
	}
	var digits, upper, lower, turns int
	kind := 0
	for i := range len(w) {
		k := 0
		switch {
		case w[i] >= '0' && w[i] <= '9':
			digits++
			k = 1
		case w[i] >= 'A' && w[i] <= 'Z':
			upper++
			k = 2
		default:
			lower++
			k = 3
		}
		if i > 0 && k != kind {
			turns++
		}
		kind = k
	}
	switch {
	case digits == len(w):
		return false
	case digits > 0 && digits < len(w) && turns >= 2:
		return true
	}
	return len(w) == 8 && upper > 0 && lower > 0 && turns >= 3
}
