package pack

import (
	"errors"
	"fmt"
	"io/fs"
)

// UnconfirmedFile says of which change of the pack the health check has not come to
// its end. It is written before that change, and so is there whenever a run ends
// between the change and its check.
const UnconfirmedFile = Dir + "/unconfirmed.json"

// Unconfirmed is the change that made Generation.
type Unconfirmed struct {
	Generation int `json:"generation"`
	From       int `json:"from"`
	To         int `json:"to"`
	Hotfix     int `json:"hotfix,omitempty"`
}

type unconfirmedFile struct {
	Format int `json:"format"`
	Unconfirmed
}

// Unconfirmed reads the note; ok is false where there is none. Whether the change
// came about is for the caller to see: the note is there before it.
func (p *Pack) Unconfirmed() (u Unconfirmed, ok bool, err error) {
	var f unconfirmedFile
	_, err = readVersioned(p.root, UnconfirmedFile, maxFloor, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return u, false, nil
	}
	if err == nil && (f.Generation < 1 || f.Generation > maxGeneration || !levelOK(f.From) || !levelOK(f.To) || f.Hotfix < 0) {
		err = fmt.Errorf("%s: a number is out of range", p.root.Full(UnconfirmedFile))
	}
	return f.Unconfirmed, err == nil, err
}

// SaveUnconfirmed writes the note, durably.
func (p *Pack) SaveUnconfirmed(u Unconfirmed) error {
	return p.root.WriteFile(UnconfirmedFile, indented(unconfirmedFile{1, u}), privateFile)
}

// DropUnconfirmed removes the note; it can be repeated.
func (p *Pack) DropUnconfirmed() error {
	err := p.root.Remove(UnconfirmedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.root.SyncDir(Dir)
}
