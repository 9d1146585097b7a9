package bundle

import (
	"encoding/json"
	"fmt"
	"strings"

	"packlift/internal/manifest"
)

// ContainsKey is a key of MANIFEST.json that no reader has to know. Under it an
// update lists the hotfixes whose fixes it contains.
const ContainsKey = "contains_hotfixes"

// MaxContains is the most hotfixes that an update lists.
const MaxContains = 1000

type containedHotfix struct {
	Level  int `json:"level"`
	Hotfix int `json:"hotfix"`
}

// SetContains notes which hotfixes, by level and number, the bundle contains.
func (i *Info) SetContains(list []manifest.Sequence) {
	if len(list) == 0 {
		return
	}
	var items []string
	for _, s := range list {
		items = append(items, fmt.Sprintf(`{"level":%d,"hotfix":%d}`, s.Level, s.Hotfix))
	}
	if i.Unknown == nil {
		i.Unknown = map[string]json.RawMessage{}
	}
	i.Unknown[ContainsKey] = json.RawMessage("[" + strings.Join(items, ",") + "]")
}

// Contains are the hotfixes that the bundle says it contains; a list that makes no
// sense is as good as none, for nothing depends on it.
func (i *Info) Contains() (out []manifest.Sequence) {
	var list []containedHotfix
	if json.Unmarshal(i.Unknown[ContainsKey], &list) != nil || len(list) > MaxContains {
		return nil
	}
	for _, c := range list {
		s := manifest.Sequence{Level: c.Level, Hotfix: c.Hotfix}
		if s.Check() == nil && s.Hotfix > 0 {
			out = append(out, s)
		}
	}
	return out
}
