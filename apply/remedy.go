package apply

import (
	"fmt"
	"strings"

	"packlift/internal/typed"
)

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

// remedyText is what is said of each.
func remedyText() [remedyCount]string {
	return [remedyCount]string{
		putBack:     "put the original of each changed or removed file back",
		moveAside:   "move each file aside that stands in the way",
		resetMode:   "give each file its original mode",
		makeFolder:  "make a folder again of what took a folder's place",
		emptyFolder: "move your own files out of the folder that becomes a file",
		unmount:     "unmount what is mounted over a path that has to change (findmnt lists it)",
		sendWhole:   "", // see askFor
		unpreserve:  "take the pattern of each preserved file out that may be replaced (" + typed.Import("preserve remove PATTERN") + "), or move the file aside",
		stepwise:    "go back one step at a time (" + typed.Import("revert") + "), and move each .final aside in between",
	}
}

// remedies is the set of those that a plan needs.
type remedies [remedyCount]bool

func (r *remedies) add(x remedy) { r[x] = true }

// Remedy says what to do about the plan's conflicts, "" where there are none.
func (pl *Plan) Remedy() string {
	var words []string
	texts := remedyText()
	for x, needed := range pl.remedies {
		switch {
		case needed && remedy(x) == sendWhole:
			words = append(words, pl.PutBack(), pl.AskFor())
		case needed:
			words = append(words, texts[x])
		}
	}
	return strings.Join(words, "; ")
}

// PutBack says how originals come back. What was only damaged can be healed where a
// signed manifest says what it was.
func (pl *Plan) PutBack() string {
	if pl.before.Manifest.IsZero() {
		return "put the originals back"
	}
	return "put the originals back (where a file was damaged and not edited: " + typed.Import("heal FULL-BUNDLE --replace FILE") + ")"
}

// AskFor says which bundle to ask for where this one tells contents from files that
// are not here as the level has them. A site whose level no signed manifest ever named
// cannot tell which these are.
func (pl *Plan) AskFor() string {
	product := pl.Product + "-" + pl.Version
	if n := pl.Hotfix(); n > 0 {
		return fmt.Sprintf("ask for a bundle that needs no old files: packlift-export create-hotfix --whole --from OLD --to NEW --product %s --level %d --hotfix %d", product, pl.To, n)
	}
	whole := fmt.Sprintf("ask for a bundle that needs no old files: packlift-export create-update --whole --depot DEPOT --product %s -s %d -e %d (or --from OLD --to NEW in the place of --depot)", product, max(pl.From, 0), pl.To)
	if pl.before.Manifest.IsZero() {
		return whole
	}
	return whole + fmt.Sprintf("; or for one that fits this site: %s here, and with that file packlift-export create-update --for SITE.state --depot DEPOT --product %s -e %d",
		typed.Import("current-state --export SITE.state"), product, pl.To)
}

// RemedyElse is Remedy less what the user's decisions put right.
func (pl *Plan) RemedyElse() string {
	all := pl.remedies
	defer func() { pl.remedies = all }()
	for _, r := range []remedy{putBack, moveAside, resetMode, sendWhole} {
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
