package manifest

import (
	"bytes"
	"fmt"
	"testing"
)

// manyEntries is a level of 100 000 files in 1000 folders; another version
// changes one of fifty.
func manyEntries(version int) *Manifest {
	m := &Manifest{Product: "wso2am", Version: "4.2.0", Level: version}
	for dir := range 1000 {
		name := fmt.Sprintf("repository/components/plugins-%03d", dir)
		m.Entries = append(m.Entries, Entry{Path: name, Type: Dir, Mode: 0o755})
		for i := range 100 {
			text := fmt.Sprintf("%d %d", dir, i)
			if i%50 == 7 {
				text += fmt.Sprint(version)
			}
			m.Entries = append(m.Entries, Entry{Path: fmt.Sprintf("%s/org.example.part-%02d.jar", name, i), Type: File, Mode: 0o644, Size: int64(len(text)), SHA256: Sum([]byte(text))})
		}
	}
	m.Entries = append([]Entry{{Path: "repository", Type: Dir, Mode: 0o755}, {Path: "repository/components", Type: Dir, Mode: 0o755}}, m.Entries...)
	return m
}

func BenchmarkMarshal(b *testing.B) {
	m := manyEntries(1)
	for b.Loop() {
		b.SetBytes(int64(len(m.Marshal())))
	}
}

func BenchmarkParse(b *testing.B) {
	p := manyEntries(1).Marshal()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := Parse(bytes.NewReader(p)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	old, new := manyEntries(1), manyEntries(2)
	for b.Loop() {
		b.ReportMetric(float64(len(Compare(old, new))), "changes")
	}
}

func BenchmarkDifference(b *testing.B) {
	old, new := manyEntries(1), manyEntries(2)
	want := new.Digest()
	for b.Loop() {
		p := MarshalDifference(old, new)
		got, err := ApplyDifference(old, bytes.NewReader(p))
		if err != nil || got.Digest() != want {
			b.Fatal("not what it was", err)
		}
		b.ReportMetric(float64(len(p)), "bytes")
	}
}
