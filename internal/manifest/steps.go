package manifest

import (
	"fmt"
	"slices"
)

// Steps follows a product from level to level and tells what a payload has to
// hold that takes a site from any of the levels to any later one.
//
// Each content is listed once, in the first step that needs it. A site that
// stands on a later level may not have the bases of its delta any more; that
// site has the content itself, unless it came, went and comes again. Such a
// content travels whole.
type Steps struct {
	at     *Manifest          // nil: nothing yet
	files  map[Digest]int     // of at: how many have this content
	listed map[Digest]listing // by the steps so far
	again  map[Digest]bool
}

// listing is what is known of a content that a step lists.
type listing struct{ delta, gone bool }

// NewSteps begins at a level; nil is an empty product.
func NewSteps(start *Manifest) *Steps {
	s := &Steps{at: start, files: map[Digest]int{}, listed: map[Digest]listing{}, again: map[Digest]bool{}}
	for _, e := range entriesOf(start) {
		if e.Type == File {
			s.files[e.SHA256]++
		}
	}
	return s
}

// Needed lists the contents of the step that leads to next: those that Needed
// says and that no step before lists.
func (s *Steps) Needed(next *Manifest) []Blob {
	return slices.DeleteFunc(Needed(s.at, next), func(b Blob) bool {
		_, ok := s.listed[b.SHA256]
		return ok
	})
}

// Originals lists the originals that the step to next may carry: those that
// Originals says and that no step before lists.
func (s *Steps) Originals(next *Manifest) []Blob {
	return slices.DeleteFunc(Originals(s.at, next), func(b Blob) bool {
		_, ok := s.listed[b.SHA256]
		return ok
	})
}

// Has tells whether a file of the present level has the content d.
func (s *Steps) Has(d Digest) bool { return s.files[d] > 0 }

// Go takes the step to next, whose contents are list. It is an error if a
// content comes again that an earlier step lists as a delta, or if the steps
// list more than MaxEntries.
func (s *Steps) Go(next *Manifest, list []Content) error {
	touched := s.move(next)
	var err error
	for d := range touched {
		l, ok := s.listed[d]
		switch {
		case !ok:
		case s.files[d] == 0:
			l.gone = true
			s.listed[d] = l
		case l.gone:
			s.again[d] = true
			if l.delta {
				err = fmt.Errorf("contents: %s is a delta, and comes again on level %d after it was gone", d, next.Level)
			}
		}
	}
	for _, c := range list {
		s.listed[c.SHA256] = listing{delta: c.Delta}
	}
	if err == nil && len(s.listed) > MaxEntries {
		err = fmt.Errorf("contents: more than %d in all steps", MaxEntries)
	}
	s.at = next
	return err
}

// move counts the files of next, and gives the contents whose count it looked at.
func (s *Steps) move(next *Manifest) map[Digest]bool {
	touched := map[Digest]bool{}
	count := func(e *Entry, n int) {
		if e == nil || e.Type != File {
			return
		}
		if s.files[e.SHA256] += n; s.files[e.SHA256] == 0 {
			delete(s.files, e.SHA256)
		}
		touched[e.SHA256] = true
	}
	for _, c := range Compare(s.at, next) {
		count(c.Old, -1)
		count(c.New, 1)
	}
	return touched
}

// Again tells which of the contents listed come, go and come again.
func (s *Steps) Again(d Digest) bool { return s.again[d] }
