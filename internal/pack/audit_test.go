package pack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func auditLines(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

func filled(t *testing.T, n int) (*Pack, string) {
	t.Helper()
	p, dir := newPack(t) // one record
	for i := 1; i < n; i++ {
		if err := p.Audit("update", map[string]any{"from": i, "to": i + 1, "file": "a<b>\n", "list": []string{"x"}}); err != nil {
			t.Fatal(err)
		}
	}
	return p, dir
}

func TestAuditChain(t *testing.T) {
	p, dir := filled(t, 5)
	r, err := p.CheckAudit()
	if err != nil || !r.OK() || r.Records != 5 || r.Last.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	lines := auditLines(t, dir)
	if !strings.HasPrefix(lines[1], `{"seq":2,"time":"20`) || !strings.Contains(lines[1], `Z","event":"update","file":"a\u003cb\u003e\n","from":1,"list":["x"],"to":2,"prev":"`) {
		t.Errorf("%s", lines[1])
	}
	for _, k := range reservedFields {
		if p.Audit("x", map[string]any{k: 1}) == nil {
			t.Errorf("the field %s is taken", k)
		}
	}
	if p.Audit("x", map[string]any{"big": strings.Repeat("x", maxRecord)}) == nil {
		t.Error("a record over the cap is written")
	}
	if p.Audit("x", map[string]any{"f": func() {}}) == nil {
		t.Error("a function is written")
	}
	if r, _ := p.CheckAudit(); r.Records != 5 || !r.OK() {
		t.Errorf("what was refused left a trace: %+v", r)
	}
}

func TestAuditTamperedIsFound(t *testing.T) {
	edits := map[string]struct {
		edit func(l []string) []string
		line int
	}{
		"value changed":  {func(l []string) []string { l[2] = strings.Replace(l[2], `"to":3`, `"to":9`, 1); return l }, 3},
		"line removed":   {func(l []string) []string { return append(l[:2], l[3:]...) }, 3},
		"first removed":  {func(l []string) []string { return l[1:] }, 1},
		"lines swapped":  {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, 2},
		"line doubled":   {func(l []string) []string { return append(l[:3], l[2:]...) }, 4},
		"junk inside":    {func(l []string) []string { return append(l[:2:2], append([]string{"junk\n"}, l[2:]...)...) }, 3},
		"junk at end":    {func(l []string) []string { return append(l, "\njunk\n") }, 6},
		"blank line":     {func(l []string) []string { l[1] += "\n"; return l }, 3},
		"cut off":        {func(l []string) []string { l[4] = l[4][:20]; return l }, 5},
		"no line end":    {func(l []string) []string { return l }, 5},
		"overlong":       {func(l []string) []string { l[3] = strings.Repeat("x", maxRecord+9) + "\n"; return l }, 4},
		"digest changed": {func(l []string) []string { l[1] = strings.Replace(l[1], `"sha256":"`, `"sha256":"0`, 1); return l }, 2},
		"space added":    {func(l []string) []string { l[1] = " " + l[1]; return l }, 2},
	}
	for name, test := range edits {
		p, dir := filled(t, 5)
		text := strings.Join(test.edit(auditLines(t, dir)), "")
		write(t, dir, AuditFile, text)
		r, err := p.CheckAudit()
		if err != nil || r.OK() || r.BrokenLine != test.line || r.Reason == "" {
			t.Errorf("%s: %+v, %v, want line %d", name, r, err, test.line)
		}
		if err := p.Audit("after", nil); err != nil {
			t.Errorf("%s: work does not go on: %v", name, err)
		}
	}
}

// TestAuditTornLine cuts the last line at every length and zeroes its parts, as
// a power cut may, and goes on.
func TestAuditTornLine(t *testing.T) {
	p, dir := filled(t, 3)
	whole, err := os.ReadFile(filepath.Join(dir, AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	torn := map[string][]byte{}
	for n := start + 1; n < len(whole); n += 7 {
		torn[fmt.Sprintf("cut at %d", n-start)] = whole[:n]
	}
	torn["only the line end is missing"] = whole[:len(whole)-1]
	torn["zeros at the end"] = append(bytes.Clone(whole[:len(whole)-40]), make([]byte, 40)...)
	torn["zeros inside"] = append(append(bytes.Clone(whole[:start+10]), make([]byte, 50)...), whole[start+60:]...)
	for name, b := range torn {
		write(t, dir, AuditFile, string(b))
		for range 2 {
			if err := p.Audit("after", map[string]any{"n": 1}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, _ := os.ReadFile(filepath.Join(dir, AuditFile))
		r, err := p.CheckAudit()
		if err != nil || !r.OK() || !bytes.HasPrefix(got, b) {
			t.Errorf("%s: %+v, %v\n%s", name, r, err, got)
		}
		if lost := name != "only the line end is missing"; lost != (len(r.Mended) == 1 && r.Mended[0] == 3) {
			t.Errorf("%s: mended %v", name, r.Mended)
		}
	}
}

// TestAuditTornAgain tears what mends a torn line, at each length, and what
// mends that.
func TestAuditTornAgain(t *testing.T) {
	p, dir := filled(t, 2)
	before, err := os.ReadFile(filepath.Join(dir, AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	first := append(bytes.Clone(before), "{torn"...)
	write(t, dir, AuditFile, string(first))
	for range 3 {
		if err := p.Audit("after", nil); err != nil {
			t.Fatal(err)
		}
		whole, _ := os.ReadFile(filepath.Join(dir, AuditFile))
		for n := len(first) + 1; n < len(whole); n += 3 {
			write(t, dir, AuditFile, string(whole[:n]))
			if err := p.Audit("at last", nil); err != nil {
				t.Fatal(err)
			}
			if r, err := p.CheckAudit(); err != nil || !r.OK() || r.Mended[0] != 3 {
				t.Fatalf("torn after %d bytes: %+v, %v", n-len(first), r, err)
			}
		}
		first = whole[:len(first)+20]
		write(t, dir, AuditFile, string(first))
	}
}

func TestMendedRecordVouchesForOneLineOnly(t *testing.T) {
	p, dir := filled(t, 2)
	lines := auditLines(t, dir)
	write(t, dir, AuditFile, lines[0]+"torn")
	if err := p.Audit("after", nil); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, AuditFile))
	write(t, dir, AuditFile, strings.Replace(string(b), "torn", "tarn", 1))
	if r, err := p.CheckAudit(); err != nil || r.BrokenLine != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAuditOnce(t *testing.T) {
	p, _ := newPack(t)
	steps := []struct {
		event  string
		fields map[string]any
		want   int
	}{
		{"update", map[string]any{"generation": 1, "files": []int{1, 2}}, 2},
		{"update", map[string]any{"files": []int{1, 2}, "generation": 1}, 2},
		{"update", map[string]any{"generation": 2, "files": []int{1, 2}}, 3},
		{"revert", map[string]any{"generation": 2, "files": []int{1, 2}}, 4},
		{"bare", nil, 5},
		{"bare", map[string]any{}, 5},
	}
	for _, s := range steps {
		if err := p.AuditOnce(s.event, s.fields); err != nil {
			t.Fatal(err)
		}
		if r, err := p.CheckAudit(); err != nil || !r.OK() || r.Records != s.want {
			t.Errorf("%s %v: %+v, %v", s.event, s.fields, r, err)
		}
	}
}

// TestAuditLosesHistory takes records away in ways that leave a chain that
// holds: only the state's history shows it.
func TestAuditLosesHistory(t *testing.T) {
	p, dir := newPack(t)
	state, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	level := state.Level
	for i, e := range []Event{{Kind: "update", From: level, To: 10, Bundle: "b1"}, {Kind: "revert", From: 10, To: level}, {Kind: "update", From: level, To: 11, Bundle: "b2"}} {
		fields := map[string]any{"from": e.From, "to": e.To, "run": fmt.Sprint(i)}
		if e.Bundle != "" {
			fields["bundle"] = e.Bundle
		}
		if err := p.Audit(e.Kind, fields); err != nil {
			t.Fatal(err)
		}
		state.History = append(state.History, e)
	}
	state.Level = 11
	if err := p.SaveState(state); err != nil {
		t.Fatal(err)
	}
	lines := auditLines(t, dir)
	lines[3] += "\n"
	for name, test := range map[string]struct {
		lines []string
		lost  string // kind of the first event that has no record
		to    int
	}{
		"whole":        {lines, "", 0},
		"last cut":     {lines[:3], "update", 11},
		"two cut":      {lines[:2], "revert", level},
		"all but init": {lines[:1], "update", 10},
		"emptied":      {nil, "init", level},
		"missing":      {nil, "init", level},
		"begun anew":   {[]string{chained(t, "refused", nil)}, "init", level},
		"other bundle": {[]string{lines[0], rechained(t, lines[1], "b1", "b9", lines[0])}, "update", 10},
		"other level":  {[]string{lines[0], rechained(t, lines[1], `"to":10`, `"to":12`, lines[0])}, "update", 10},
	} {
		write(t, dir, AuditFile, strings.Join(test.lines, ""))
		if name == "missing" {
			if err := os.Remove(filepath.Join(dir, AuditFile)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := p.CheckAudit()
		switch {
		case err != nil || r.BrokenLine != 0 || r.OK() != (test.lost == ""):
			t.Errorf("%s: %+v, %v", name, r, err)
		case r.Lost != nil && (r.Lost.Kind != test.lost || r.Lost.To != test.to):
			t.Errorf("%s: lost %+v", name, r.Lost)
		}
	}
	write(t, dir, AuditFile, strings.Join(lines[:3], ""))
	write(t, dir, JournalFile, "of a run between its state and its record")
	if r, err := p.CheckAudit(); err != nil || !r.OK() {
		t.Errorf("unfinished: %+v, %v", r, err)
	}
}

// chained is a whole first line.
func chained(t *testing.T, event string, fields map[string]any) string {
	t.Helper()
	b, err := (&record{Seq: 1, Event: event, Fields: fields}).marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// rechained is a line with old replaced by new, that follows from before.
func rechained(t *testing.T, line, old, new, before string) string {
	t.Helper()
	r, err := parseRecord([]byte(strings.TrimSuffix(line, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	last, err := parseRecord([]byte(strings.TrimSuffix(before, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range r.Fields {
		pair := fmt.Sprintf("%q:%v", k, v)
		if v == old {
			r.Fields[k] = new
		} else if pair == old {
			r.Fields[k] = json.RawMessage(new[len(new)-2:])
		}
	}
	r.Prev = last.Sum
	b, err := r.marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func FuzzCheckAudit(f *testing.F) {
	a := &record{Seq: 1, Event: "init"}
	one, _ := a.marshal()
	b := &record{Seq: 2, Event: "x", Prev: a.Sum, Fields: map[string]any{"k": "v"}}
	two, _ := b.marshal()
	f.Add(append(append(append(one, '\n'), two...), '\n'))
	f.Add([]byte("torn\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := checkAudit(bytes.NewReader(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte{'\n'}); r.OK() && r.Records+len(r.Mended) != n {
			t.Errorf("%d lines, %+v", n, r)
		}
	})
}
