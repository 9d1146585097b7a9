package export

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/verify"
)

// text is long enough to be told from another that differs a little, and no
// text that a site could merge, for that would travel whole.
func text(seed string, n int) string {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "%s line %d of many\n", seed, i*i)
	}
	return fmt.Sprintf("%sversion %d\n\x00", b.String(), n)
}

// levelTrees are the files of levels 3, 5, 7 and 10. again is a content that
// comes, goes and comes again.
var levelTrees = map[int]map[string]string{
	3:  {"lib/a.txt": text("a", 3), "lib/b.txt": text("b", 3), "again.txt": text("c", 3)},
	5:  {"lib/a.txt": text("a", 5), "lib/b.txt": text("b", 3), "again.txt": text("c", 5)},
	7:  {"lib/a.txt": text("a", 7), "lib/b.txt": text("b", 7), "again.txt": text("c", 7)},
	10: {"lib/a.txt": text("a", 10), "lib/b.txt": text("b", 7), "again.txt": text("c", 5), "new.txt": text("n", 10)},
}

// chained are options of an update from 3 to 10 by 5 and 7.
func chained(t *testing.T) (CreateOptions, *age.X25519Identity) {
	t.Helper()
	o, id := options(t)
	dirs := map[int]string{}
	for n, files := range levelTrees {
		dirs[n] = filepath.Join(t.TempDir(), fmt.Sprint(n))
		for name, body := range files {
			write(t, filepath.Join(dirs[n], name), body, 0o644)
		}
	}
	o.From, o.To, o.Between = dirs[3], dirs[10], []Stop{{5, dirs[5]}, {7, dirs[7]}}
	return o, id
}

func TestLevelsBetween(t *testing.T) {
	o, id := chained(t)
	made := create(t, o)
	b := openBundle(t, made.Path, trustOf(t, o.Signers...))
	l, err := b.Levels([]age.Identity{id}, 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range b.Info().Stops() {
		m := l.At(s.Level)
		if s.Level != []int{3, 5, 7, 10}[i] || m == nil || m.Digest() != s.Manifest {
			t.Fatalf("stop %d is %+v", i, s)
		}
	}
	if got := apart(t, b, l, id); len(got) != made.Contents {
		t.Errorf("%d contents, the maker says %d", len(got), made.Contents)
	}
	again, deltas := manifest.Sum([]byte(text("c", 5))), 0
	for _, c := range l.Contents {
		if c.SHA256 == again && c.Delta {
			t.Error("a content that comes again travels as a delta")
		}
		if c.Delta {
			deltas++
		}
	}
	if deltas < 4 {
		t.Errorf("%d deltas of %d contents", deltas, len(l.Contents))
	}
}

// apart makes each content, its bases from those before it, and compares it.
func apart(t *testing.T, b *verify.Bundle, l *verify.Levels, id age.Identity) map[manifest.Digest]string {
	t.Helper()
	have := map[manifest.Digest]string{}
	for _, body := range levelTrees[3] {
		have[manifest.Sum([]byte(body))] = body
	}
	out := map[manifest.Digest]string{}
	p, err := b.Payload([]age.Identity{id}, verify.PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for {
		item, err := p.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(item)
		if err == nil && item.Delta {
			var old []string
			for _, d := range item.Bases {
				old = append(old, have[d])
			}
			body, err = rebuild(item.Content, body, old)
		}
		if err != nil || manifest.Sum(body) != item.SHA256 {
			t.Fatalf("%s: %v", item.SHA256, err)
		}
		have[item.SHA256], out[item.SHA256] = string(body), string(body)
	}
	for n, files := range levelTrees {
		for name, body := range files {
			if have[manifest.Sum([]byte(body))] != body {
				t.Errorf("%s of level %d cannot be made", name, n)
			}
		}
	}
	return out
}

// The plaintext is the same for any number of jobs.
func TestBetweenReproducible(t *testing.T) {
	o, _ := chained(t)
	var ids []string
	for _, jobs := range []int{1, 3} {
		o.Jobs, o.Output = jobs, t.TempDir()
		ids = append(ids, create(t, o).Info.ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("ids differ: %v", ids)
	}
}

func TestBetweenRefused(t *testing.T) {
	for name, spoil := range map[string]func(o *CreateOptions){
		"full":     func(o *CreateOptions) { o.From = "" },
		"order":    func(o *CreateOptions) { o.Between[0], o.Between[1] = o.Between[1], o.Between[0] },
		"twice":    func(o *CreateOptions) { o.Between[1] = o.Between[0] },
		"outside":  func(o *CreateOptions) { o.Between[1].Level = 10 },
		"below":    func(o *CreateOptions) { o.Between[0].Level = 3 },
		"too many": func(o *CreateOptions) { o.Between = make([]Stop, bundle.MaxBetween+1) },
		"advisory": func(o *CreateOptions) { o.Advisories = []*bundle.Advisory{{Level: 3, Date: day}} },
		"advisory order": func(o *CreateOptions) {
			o.Advisories = []*bundle.Advisory{{Level: 9, Date: day}, {Level: 8, Date: day}}
		},
		"advisory text": func(o *CreateOptions) {
			o.Advisories = []*bundle.Advisory{{Level: 9, Date: day, Summary: "\x1b[2J"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := chained(t)
			spoil(&o)
			if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Usage {
				t.Errorf("%v", err)
			}
		})
	}
}

// Advisories come out as they went in.
func TestAdvisories(t *testing.T) {
	o, id := chained(t)
	o.Advisories = []*bundle.Advisory{
		{Level: 4, Date: day, Channel: "full", Summary: "mends\n\tthe pump & <valve>"},
		{Level: 10, Date: day, Security: []string{"CVE-2026-0001", "CVE-2026-0002"}},
	}
	b := openBundle(t, create(t, o).Path, trustOf(t, o.Signers...))
	l, err := b.Levels([]age.Identity{id})
	if err != nil || len(l.Advisories) != 2 {
		t.Fatalf("%+v, %v", l, err)
	}
	for i, want := range o.Advisories {
		a, err1 := l.Advisories[i].Marshal()
		b, err2 := want.Marshal()
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s, want %s", a, b)
		}
	}
	r, err := b.CheckContent(context.Background(), []age.Identity{id})
	if err != nil || !strings.Contains(fmt.Sprint(r.Checks), "2 advisories, of levels 4 to 10") {
		t.Errorf("%v, %v", r.Checks, err)
	}
}

// The lists of levels between count as memory; where they leave too little for a
// compressor the run says how much it needs.
func TestBetweenMemory(t *testing.T) {
	c := &creation{CreateOptions: CreateOptions{MaxMemory: LeastMemory + 100<<20}}
	for range 4 {
		c.stops = append(c.stops, &stop{manifest: &manifest.Manifest{Entries: make([]manifest.Entry, 300_000)}})
	}
	if err := c.checkRoom(); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--max-memory") {
		t.Errorf("%v, room %d", err, c.room())
	}
	c.stops = c.stops[:3] // one between
	if err := c.checkRoom(); err != nil {
		t.Error(err)
	}
	if c.stops = c.stops[:2]; c.room() != c.MaxMemory-otherMemory {
		t.Errorf("two levels leave %d", c.room())
	}
}
