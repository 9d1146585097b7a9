package acceptance

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// member is one member of the outer tar.
type member struct {
	name string
	data []byte
}

func readMembers(t *testing.T, file string) []member {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var members []member
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{h.Name, content})
	}
}

// writeMembers writes members as the canonical form has them.
func writeMembers(t *testing.T, file string, members []member) {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tampering changes the members of a good bundle; other is a second good bundle.
type tampering struct {
	name   string
	change func(members, other []member) []member
}

func at(members []member, name string) int {
	return slices.IndexFunc(members, func(m member) bool { return m.name == name })
}

// flip changes one bit in the middle of a member.
func flip(name string) tampering {
	return tampering{"byte flipped in " + name, func(m, _ []member) []member {
		data := m[at(m, name)].data
		data[len(data)/2] ^= 1
		return m
	}}
}

// tamperings lists what a bundle of two signatures must not survive.
func tamperings(members []member) []tampering {
	var all []tampering
	for _, m := range members {
		all = append(all, flip(m.name))
	}
	return append(all,
		tampering{"signature of another bundle", func(m, other []member) []member {
			m[at(m, "sig/01.sig")].data = other[at(other, "sig/01.sig")].data
			return m
		}},
		tampering{"a signature twice", func(m, _ []member) []member {
			m[at(m, "sig/02.sig")].data = m[at(m, "sig/01.sig")].data
			return m
		}},
		tampering{"one signer missing", func(m, _ []member) []member { return m[:len(m)-1] }},
		tampering{"a member more", func(m, _ []member) []member { return append(m, member{"readme.txt", []byte("hello\n")}) }},
		tampering{"a member fewer", func(m, _ []member) []member { i := at(m, "PIECES.json"); return slices.Delete(m, i, i+1) }},
		tampering{"a member renamed", func(m, _ []member) []member { m[at(m, "payload.tar.xz.age")].name = "payload.tar.xz"; return m }},
		tampering{"two members swapped", func(m, _ []member) []member { m[2], m[3] = m[3], m[2]; return m }},
		tampering{"a member twice", func(m, _ []member) []member { return slices.Insert(m, 1, m[0]) }},
		tampering{"payload of another bundle", func(m, other []member) []member {
			i := at(m, "payload.tar.xz.age")
			m[i].data = other[i].data
			return m
		}},
		tampering{"payload and its sum of another bundle", func(m, other []member) []member {
			i, sums := at(m, "payload.tar.xz.age"), at(m, "SHA256SUMS")
			was := fmt.Sprintf("%x", sha256.Sum256(m[i].data))
			m[i].data = other[i].data
			m[sums].data = bytes.Replace(m[sums].data, []byte(was), fmt.Appendf(nil, "%x", sha256.Sum256(m[i].data)), 1)
			return m
		}},
	)
}

// clone copies members deeply enough to change them.
func clone(members []member) []member {
	out := make([]member, len(members))
	for i, m := range members {
		out[i] = member{m.name, bytes.Clone(m.data)}
	}
	return out
}

// replaceLine edits a text file line by line.
func replaceLine(t *testing.T, file, old, new string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
