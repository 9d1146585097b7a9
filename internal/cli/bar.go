package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// barWidth is the length of the drawn bar in letters.
const barWidth = 24

// bar is one drawn line of progress. A library that draws such lines brings a web
// server along, and with it a fifth of the importer that travels in every bundle.
type bar struct {
	what        string
	done, total int64 // bytes; total -1: unknown
	passed      time.Duration
}

// line is what stands on the terminal: at most 79 letters, so that it never wraps.
func (b bar) line() string {
	rate := float64(b.done) / max(b.passed.Seconds(), 0.001)
	if b.total <= 0 {
		return b.fit(fmt.Sprintf("%s, %s/s, %s", Bytes(b.done), Bytes(int64(rate)), clock(b.passed.Seconds())))
	}
	// A full bar would be taken for finished while the last bytes are still worked on.
	share := min(float64(b.done)/float64(b.total), 0.99)
	n := int(share * barWidth)
	text := fmt.Sprintf("%3d%% [%s%s] %s of %s, %s/s", int(share*100), strings.Repeat("=", n), strings.Repeat(" ", barWidth-n),
		Bytes(b.done), Bytes(b.total), Bytes(int64(rate)))
	if rate > 0 {
		text += ", " + clock(max(float64(b.total-b.done)/rate, 0)) + " left"
	}
	return b.fit(text)
}

func (b bar) fit(text string) string {
	line := []rune(b.what + " " + text)
	return string(line[:min(len(line), 79)])
}

// clock is a time as people read it: 1:05, 2:00:10. More than a hundred hours are only so called.
func clock(seconds float64) string {
	if seconds >= 100*3600 {
		return "over 100 hours"
	}
	s := int(math.Round(seconds))
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
