package apply

import "strings"

// remedy is what to do about a conflict; which one follows from its reason.
type remedy int

const (
	putBack   remedy = iota // moved aside it would be missing, a conflict as well
	moveAside               // nothing is needed at its place
	resetMode
	makeFolder
	emptyFolder
	unmount
	sendWhole
	stepwise
	unpreserve
	remedyCount
)

var remedyText = [remedyCount]string{
	putBack:     "put the original of each changed or removed file back",
	moveAside:   "move each file aside that stands in the way",
	resetMode:   "give each file its original mode",
	makeFolder:  "make a folder again of what took a folder's place",
	emptyFolder: "move your own files out of the folder that becomes a file",
	unmount:     "unmount what is mounted over a path that has to change (findmnt lists it)",
	sendWhole:   "put the original back, or ask for a bundle that needs no old files (packlift-export create-update --whole)",
	unpreserve:  "take the pattern of each preserved file out that may be replaced (packlift-import preserve remove PATTERN), or move the file aside",
	stepwise:    "go back one step at a time (packlift-import revert), and move each .final aside in between",
}

// remedies is the set of those that a plan needs.
type remedies [remedyCount]bool

func (r *remedies) add(x remedy) { r[x] = true }

// Remedy says what to do about the plan's conflicts, "" where there are none.
func (pl *Plan) Remedy() string {
	var words []string
	for x, needed := range pl.remedies {
		if needed {
			words = append(words, remedyText[x])
		}
	}
	return strings.Join(words, "; ")
}

// RemedyElse is Remedy less what the user's decisions put right.
func (pl *Plan) RemedyElse() string {
	all := pl.remedies
	defer func() { pl.remedies = all }()
	for _, r := range []remedy{putBack, moveAside, resetMode} {
		pl.remedies[r] = false
	}
	return pl.Remedy()
}

// found takes what d could not decide.
func (pl *Plan) found(d *decider) {
	pl.Conflicts, pl.Kept, pl.Preserved = d.conflicts, d.kept, d.preserved
	for _, r := range d.fixes {
		pl.remedies.add(r)
	}
}
