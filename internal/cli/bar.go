package cli

import "github.com/cheggaaa/pb/v3"

// What stands on the terminal: at most 79 letters, so that it never wraps.
const (
	lineWidth   = 79
	withTotal   = `{{string . "what"}} {{percent . "%.0f%%"}} {{bar . "[" "=" ">" " " "]"}} {{counters . "%s of %s"}} {{speed . "%s/s" "?"}} {{rtime . "%s left" "%s" "?"}}`
	withNoTotal = `{{string . "what"}} {{counters .}} {{speed . "%s/s" "?"}} {{etime .}}`
)

// bar makes lines about a piece of work that begins now; it writes none of them.
type bar struct{ *pb.ProgressBar }

func newBar(what string) bar {
	b := (&pb.ProgressBar{}).Set(pb.Static, true).Set(pb.Terminal, false).Set(pb.Bytes, true).Set("what", what)
	return bar{b.SetWidth(lineWidth).SetTemplateString(withNoTotal).Start()}
}

// line is what to draw once done of total bytes are done; total 0 or less: not known.
func (b bar) line(done, total int64) string {
	if total <= 0 {
		return short(b.SetTemplateString(withNoTotal).SetTotal(0).SetCurrent(done).String())
	}
	// A full bar would be taken for finished while the last bytes are still worked on.
	return short(b.SetTemplateString(withTotal).SetTotal(total).SetCurrent(min(done, total-total/100-1)).String())
}

func short(line string) string {
	letters := []rune(line)
	return string(letters[:min(len(letters), lineWidth)])
}
