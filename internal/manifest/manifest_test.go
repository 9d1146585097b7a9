package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func good() *Manifest {
	return &Manifest{Product: "wso2am", Version: "4.2.0", Level: 3, Entries: []Entry{
		{Path: "bin", Type: Dir, Mode: 0o755},
		{Path: "bin/a&b", Type: File, Mode: 0o644, SHA256: Sum(nil)},
		{Path: "bin/run.sh", Type: File, Mode: 0o755, Size: 5, SHA256: Sum([]byte("hello"))},
		{Path: "lib", Type: Symlink, Target: "bin/a&b"},
		{Path: "é & ü", Type: File, Mode: 0o600, SHA256: Sum(nil)},
	}}
}

const canonical = `{"manifest":1,"product":"wso2am","version":"4.2.0","level":3,"count":3,"entries":[
{"path":"bin","type":"dir","mode":"0755"},
{"path":"bin/run.sh","type":"file","mode":"0755","size":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
{"path":"lib","type":"symlink","target":"bin/run.sh"}
]}
`

func TestRoundTrip(t *testing.T) {
	for name, m := range map[string]*Manifest{"some": good(), "empty": {Product: "p", Version: "1"}} {
		b := m.Marshal()
		got, err := Parse(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
		if !bytes.Equal(got.Marshal(), b) || got.Digest() != Sum(b) || got.Level != m.Level || len(got.Entries) != len(m.Entries) {
			t.Errorf("%s: read back as\n%s\nnot\n%s", name, got.Marshal(), b)
		}
	}
	m, err := Parse(strings.NewReader(canonical))
	if err != nil || string(m.Marshal()) != canonical {
		t.Fatalf("%v", err)
	}
	if e, ok := m.Find("bin/run.sh"); !ok || e.Size != 5 || e.Mode != 0o755 {
		t.Errorf("%+v, %v", e, ok)
	}
	if _, ok := m.Find("bin/nothing"); ok {
		t.Error("found what is not there")
	}
}

// TestParseRefuses makes one change to the canonical text at a time.
func TestParseRefuses(t *testing.T) {
	tests := map[string][2]string{
		"other format":        {`"manifest":1`, `"manifest":2`},
		"count too small":     {`"count":3`, `"count":2`},
		"count too large":     {`"count":3`, `"count":4`},
		"count negative":      {`"count":3`, `"count":-3`},
		"count over the cap":  {`"count":3`, `"count":1000001`},
		"count is a float":    {`"count":3`, `"count":3.0`},
		"level too high":      {`"level":3`, `"level":10000`},
		"level negative":      {`"level":3`, `"level":-1`},
		"key twice":           {`"level":3`, `"level":9,"level":3`},
		"key in other case":   {`"level":3`, `"Level":3`},
		"unknown key":         {`"level":3`, `"level":3,"x":1`},
		"keys out of order":   {`"level":3,"count":3`, `"count":3,"level":3`},
		"space":               {`"level":3`, `"level": 3`},
		"carriage return":     {"0755\"},\n", "0755\"},\r\n"},
		"bad product":         {`"wso2am"`, `"wso2 am"`},
		"version no digit":    {`"4.2.0"`, `"x.2.0"`},
		"escaped letter":      {`"lib"`, `"\u006cib"`},
		"control character":   {`"lib"`, `"l\u0001b"`},
		"climbing path":       {`"lib"`, `"../lib"`},
		"device name":         {`"lib"`, `"nul"`},
		"reserved path":       {`"lib"`, `"updates"`},
		"reserved, in case":   {`"lib"`, `"UpDates"`},
		"collision":           {`"lib"`, `"biN"`},
		"unsorted":            {`"path":"lib"`, `"path":"alib"`},
		"twice":               {`{"path":"lib","type":"symlink","target":"bin/run.sh"}`, `{"path":"bin/run.sh","type":"symlink","target":"x"}`},
		"no folder":           {`"path":"lib"`, `"path":"lib/x"`},
		"folder is a file":    {`{"path":"lib","type":"symlink","target":"bin/run.sh"}`, `{"path":"bin/run.sh/x","type":"symlink","target":"y"}`},
		"unknown type":        {`"symlink"`, `"fifo"`},
		"absent":              {`"type":"symlink","target":"bin/run.sh"`, `"type":"absent"`},
		"link leaves":         {`"target":"bin/run.sh"`, `"target":"../bin"`},
		"link absolute":       {`"target":"bin/run.sh"`, `"target":"/bin"`},
		"link without target": {`,"target":"bin/run.sh"`, ``},
		"link with mode":      {`"symlink",`, `"symlink","mode":"0777",`},
		"file with target":    {`"size":5,`, `"size":5,"target":"x",`},
		"file without size":   {`"size":5,`, ``},
		"file without digest": {`,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`, ``},
		"file without mode":   {`"mode":"0755","size"`, `"size"`},
		"negative size":       {`"size":5`, `"size":-5`},
		"huge size":           {`"size":5`, `"size":1099511627777`},
		"size overflows":      {`"size":5`, `"size":99999999999999999999`},
		"size null":           {`"size":5`, `"size":null`},
		"folder with size":    {`"dir","mode":"0755"`, `"dir","mode":"0755","size":0`},
		"mode short":          {`"dir","mode":"0755"`, `"dir","mode":"755"`},
		"mode setuid":         {`"dir","mode":"0755"`, `"dir","mode":"4755"`},
		"mode with sign":      {`"dir","mode":"0755"`, `"dir","mode":"+755"`},
		"mode with junk":      {`"dir","mode":"0755"`, `"dir","mode":"0755x"`},
		"mode not octal":      {`"dir","mode":"0755"`, `"dir","mode":"0855"`},
		"file unreadable":     {`"mode":"0755","size"`, `"mode":"0300","size"`},
		"folder unlistable":   {`"dir","mode":"0755"`, `"dir","mode":"0355"`},
		"folder unsearchable": {`"dir","mode":"0755"`, `"dir","mode":"0655"`},
		"a run's own name":    {`"lib"`, `"lib/.Packlift-tmp-x"`},
		"digest in capitals":  {`"2cf2`, `"2CF2`},
		"digest short":        {`9824"`, `982"`},
		"comma missing":       {"\"0755\"},\n", "\"0755\"}\n"},
		"comma too many":      {`"target":"bin/run.sh"}`, `"target":"bin/run.sh"},`},
		"no end":              {"]}\n", ""},
		"no last line end":    {"]}\n", "]}"},
		"bytes after":         {"]}\n", "]}\n\n"},
		"blank line":          {"[\n", "[\n\n"},
		"NUL after":           {"]}\n", "]}\n\x00"},
	}
	for name, edit := range tests {
		text := strings.Replace(canonical, edit[0], edit[1], 1)
		if text == canonical {
			t.Fatalf("%s: changes nothing", name)
		}
		if m, err := Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: passes as\n%s", name, m.Marshal())
		}
	}
	for n := range len(canonical) {
		if _, err := Parse(strings.NewReader(canonical[:n])); err == nil {
			t.Errorf("cut to %d bytes it passes", n)
		}
	}
}

func TestParsePassesReadErrorsOn(t *testing.T) {
	broken := errors.New("stick pulled")
	r := io.MultiReader(strings.NewReader(canonical[:200]), &failing{broken})
	if _, err := Parse(r); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// endless gives the head of a manifest and then lines without end, or up to n.
type endless struct {
	buf  []byte
	line func(i int) string
	i, n int
	read int64
}

func (e *endless) Read(b []byte) (int, error) {
	for len(e.buf) == 0 {
		if e.i == e.n {
			return 0, io.EOF
		}
		e.buf = []byte(e.line(e.i))
		e.i++
	}
	n := copy(b, e.buf)
	e.buf = e.buf[n:]
	e.read += int64(n)
	return n, nil
}

const tenMillion = 10_000_000

func linkLine(i int) string {
	return fmt.Sprintf("{\"path\":\"f%08d\",\"type\":\"symlink\",\"target\":\"x\"},\n", i)
}

// TestTenMillionEntries streams manifests whose count says so, or lies.
func TestTenMillionEntries(t *testing.T) {
	head := func(count int) string {
		return fmt.Sprintf("{\"manifest\":1,\"product\":\"p\",\"version\":\"1\",\"level\":0,\"count\":%d,\"entries\":[\n", count)
	}
	tests := map[string]struct {
		head    string
		maxRead int64
		maxHeap uint64
	}{
		"honest":               {head(tenMillion), 1 << 16, 4 << 20},
		"lying":                {head(1000), 1 << 17, 8 << 20},
		"one line without end": {strings.TrimSuffix(head(10), "[\n") + `[` + strings.Repeat(" ", 1<<16), 1 << 17, 4 << 20},
	}
	for name, test := range tests {
		r := &endless{n: tenMillion, line: linkLine}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, err := Parse(io.MultiReader(strings.NewReader(test.head), r))
		runtime.ReadMemStats(&after)
		if err == nil || r.read > test.maxRead || after.TotalAlloc-before.TotalAlloc > test.maxHeap {
			t.Errorf("%s: %v after %d bytes and %d bytes of memory", name, err, r.read, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

func TestDifference(t *testing.T) {
	old, new := good(), good()
	new.Level = 10
	new.Entries = append(new.Entries[:1:1], Entry{Path: "bin/new", Type: File, Mode: 0o644, Size: 1, SHA256: Sum([]byte("x"))}, new.Entries[2], Entry{Path: "lib", Type: Dir, Mode: 0o700}, new.Entries[4])
	doc := MarshalDifference(old, new)
	got, err := ApplyDifference(old, bytes.NewReader(doc))
	if err != nil || !bytes.Equal(got.Marshal(), new.Marshal()) {
		t.Fatalf("%v", err)
	}
	if _, err := ApplyDifference(new, bytes.NewReader(doc)); err == nil {
		t.Error("applied to another manifest")
	}
	same := MarshalDifference(old, old)
	if got, err := ApplyDifference(old, bytes.NewReader(same)); err != nil || got.Digest() != old.Digest() {
		t.Errorf("nothing to do: %v", err)
	}
	if c := Compare(nil, new); len(c) != len(new.Entries) || c[0].Old != nil {
		t.Errorf("from nothing: %v", c)
	}
	if c := Compare(new, nil); len(c) != len(new.Entries) || c[0].New != nil {
		t.Errorf("to nothing: %v", c)
	}
}

func TestDifferenceRefuses(t *testing.T) {
	old := good()
	new := good()
	new.Level, new.Entries = 4, new.Entries[:4]
	new.Entries[3].Target = "bin/run.sh"
	doc := string(MarshalDifference(old, new))
	tests := map[string][2]string{
		"other format":        {`"difference":1`, `"difference":2`},
		"other product":       {`"wso2am"`, `"wso2is"`},
		"other start":         {`"from":3`, `"from":2`},
		"other base":          {`"from_sha256":"`, `"from_sha256":"0`},
		"count too large":     {`"count":2`, `"count":3`},
		"count too small":     {`"count":2`, `"count":1`},
		"count over the cap":  {`"count":2`, `"count":2000000`},
		"other end":           {`"to":4`, `"to":5`},
		"other change":        {`"target":"bin/run.sh"`, `"target":"bin/run"`},
		"change that is none": {`"target":"bin/run.sh"`, `"target":"bin/a&b"`},
		"removed, with mode":  {`"type":"absent"`, `"type":"absent","mode":"0755"`},
		"removed, with junk":  {`"type":"absent"`, `"type":"absent","mode":"x"`},
		"removed, not there":  {`"é & ü"`, `"é & ö"`},
		"bytes after":         {"]}\n", "]}\n "},
	}
	for name, edit := range tests {
		text := strings.Replace(doc, edit[0], edit[1], 1)
		if text == doc {
			t.Fatalf("%s: changes nothing in\n%s", name, doc)
		}
		if _, err := ApplyDifference(old, strings.NewReader(text)); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

func TestReserved(t *testing.T) {
	for _, p := range []string{"updates", "Updates/x", "updates/packlift/state.json", "bin/packlift-import", "BIN/Packlift-Import.exe", "bin/packlift-import_linux_amd64", "bin/PACKLI~1.EXE", "UPDATES", "upd\u200cates"} {
		if !Reserved(p) {
			t.Errorf("%q is not reserved", p)
		}
	}
	for _, p := range []string{"update", "updates2", "x/updates", "bin", "bin/packlift-export", "bin/x", "bin2/packlift-import"} {
		if Reserved(p) {
			t.Errorf("%q is reserved", p)
		}
	}
}

func TestPlace(t *testing.T) {
	refused := []Entry{
		{Path: "bin", Type: Symlink, Target: "x"}, {Path: "BIN", Type: File}, {Path: "b\u200cin", Type: File},
		{Path: "l", Type: Symlink, Target: "."}, {Path: "a/l", Type: Symlink, Target: ".."}, {Path: "a/l", Type: Symlink, Target: "../Bin/"},
		{Path: "l", Type: Symlink, Target: "updates"}, {Path: "a/b/l", Type: Symlink, Target: "../../updates/packlift/state.json"},
		{Path: "bin/l", Type: Symlink, Target: "packlift-import"}, {Path: "l", Type: Symlink, Target: "./bin/PACKLIFT-import.exe"},
		{Path: ".packlift-x", Type: File}, {Path: "a/.packlift-0123456789abcdef/new-1", Type: File},
	}
	for _, e := range refused {
		if e.CheckPlace() == nil {
			t.Errorf("%+v passes", e)
		}
	}
	passing := []Entry{
		{Path: "bin", Type: Dir}, {Path: "x/bin", Type: Symlink, Target: "../y/bin"}, {Path: "l", Type: Symlink, Target: "bin/run.sh"},
		{Path: "a/l", Type: Symlink, Target: "."}, {Path: "a/updates", Type: Symlink, Target: "b"}, {Path: "x.packlift-y", Type: File}, {Path: "a/b/l", Type: Symlink, Target: "../updates"},
	}
	for _, e := range passing {
		if err := e.CheckPlace(); err != nil {
			t.Error(err)
		}
	}
}

func TestProduct(t *testing.T) {
	for s, want := range map[string][2]string{"wso2am-4.2.0": {"wso2am", "4.2.0"}, "a-b-1": {"a-b", "1"}, "a-1-b": {"a", "1-b"}, "x-1-2": {"x-1", "2"}, "allure-2.43.0": {"allure", "2.43.0"}} {
		n, v, err := SplitProduct(s)
		if err != nil || n != want[0] || v != want[1] {
			t.Errorf("%s: %q %q %v", s, n, v, err)
		}
	}
	for _, s := range []string{"", "-", "-1", "a", "a-", "a-b", "1-", "a b-1", "a/b-1", "../a-1", strings.Repeat("a", 65) + "-1", "a-1\n"} {
		if n, v, err := SplitProduct(s); err == nil {
			t.Errorf("%q splits into %q and %q", s, n, v)
		}
	}
	for _, p := range [][2]string{{"", "1"}, {"a", ""}, {"a", "x"}, {"a-1", "b"}, {"a", "1-2"}, {".a", "1"}, {"a", "1/2"}} {
		if CheckProduct(p[0], p[1]) == nil {
			t.Errorf("%q passes", p)
		}
	}
}

func TestDigest(t *testing.T) {
	d := Sum([]byte("hello"))
	if got, err := ParseDigest(d.String()); err != nil || got != d || d.IsZero() || !(Digest{}).IsZero() {
		t.Errorf("%v", err)
	}
	for _, s := range []string{"", d.String()[1:], d.String() + "0", strings.ToUpper(d.String()), strings.Repeat("g", 64)} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("%q passes", s)
		}
	}
}

func TestSequence(t *testing.T) {
	rising := []Sequence{{}, {0, 0, 1}, {0, 3, 0}, {0, 3, 9}, {0, 10, 0}, {1, 0, 0}, {1, 2, 3}}
	for i, a := range rising {
		for j, b := range rising {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
		if err := a.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []Sequence{{Epoch: -1}, {Level: -1}, {Hotfix: -1}, {Level: MaxLevel + 1}, {Epoch: MaxNumber + 1}, {Hotfix: MaxNumber + 1}} {
		if s.Check() == nil {
			t.Errorf("%s passes", s)
		}
	}
	if b, err := json.Marshal(Sequence{0, 10, 0}); err != nil || string(b) != `{"epoch":0,"level":10,"hotfix":0}` {
		t.Errorf("%s, %v", b, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(canonical))
	f.Add(good().Marshal())
	f.Add((&Manifest{Product: "p", Version: "1"}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(bytes.NewReader(b))
		if err != nil {
			return
		}
		if !bytes.Equal(m.Marshal(), b) {
			t.Errorf("%q is read and written as %q", b, m.Marshal())
		}
		if err := m.Check(); err != nil {
			t.Errorf("%q passes Parse and not Check: %v", b, err)
		}
	})
}

func FuzzApplyDifference(f *testing.F) {
	old, new := good(), good()
	new.Level, new.Entries = 4, new.Entries[:4]
	f.Add(MarshalDifference(old, new))
	f.Add(MarshalDifference(new, old))
	f.Add(MarshalDifference(old, old))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ApplyDifference(old, bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := MarshalDifference(old, m); !bytes.Equal(again, b) {
			t.Errorf("%q is read and written as %q", b, again)
		}
	})
}
