package merge

import "bytes"

// Marker gives the number of the first line of b that is a conflict marker, as
// merging tools leave them, and that none of the texts known has; 0 for none.
func Marker(b []byte, known ...[]byte) int {
	for i, line := range bytes.Split(b, []byte("\n")) {
		if line = bytes.TrimSuffix(line, []byte("\r")); isMarker(line) && !anyHas(known, line) {
			return i + 1
		}
	}
	return 0
}

func isMarker(line []byte) bool {
	for _, m := range []string{"<<<<<<<", ">>>>>>>", "|||||||"} {
		if rest, ok := bytes.CutPrefix(line, []byte(m)); ok && (len(rest) == 0 || rest[0] == ' ') {
			return true
		}
	}
	return false
}

func anyHas(texts [][]byte, line []byte) bool {
	for _, t := range texts {
		for l := range bytes.Lines(t) {
			if bytes.Equal(bytes.TrimRight(l, "\r\n"), line) {
				return true
			}
		}
	}
	return false
}
