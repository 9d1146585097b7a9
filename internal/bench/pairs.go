package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"packlift/bundle/delta/match"
)

// pair is a changed file and an old one to tell it from, each beneath its tree.
type pair struct{ old, new string }

// pairs matches changed files with old ones: of the same path, or of the same
// path without version numbers; alone are those that have none.
func pairs(t *trees) (matched []pair, alone []string) {
	plain := map[string]string{}
	filepath.WalkDir(t.oldTree, func(full string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if name, err := filepath.Rel(t.oldTree, full); err == nil {
				plain[match.Plain(name)] = name
			}
		}
		return nil
	})
	for _, name := range t.changed {
		old := plain[match.Plain(name)]
		if info, err := os.Lstat(filepath.Join(t.oldTree, name)); err == nil && info.Mode().IsRegular() {
			old = name
		}
		if old == "" {
			alone = append(alone, name)
			continue
		}
		matched = append(matched, pair{old, name})
	}
	return matched, alone
}
