package apply

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

// The journal and a backup's manifest have one form: a head line, one line an
// op sorted by path, and a last line with the SHA-256 of all before it. Each
// line is compact JSON.
const (
	recordJournal = "journal"
	recordBackup  = "backup"
	recordFormat  = 3 // 1 had no base, 2 neither hotfixes nor a number of backups to keep

	journalName = pack.JournalFile
	undoName    = dataDir + "/journal.undo"

	maxHead = 8 << 20
	maxLine = 64 << 10
	maxTops = 1000
)

// head is the first line. Outside is the folder of this run's backup where it
// is not in the pack; Mounts are folders on other file systems that hold staged
// files; Reverts is the generation that a revert takes back; Base is the signed
// manifest of the level From where the state before knows none.
type head struct {
	Record         string             `json:"record"`
	Format         int                `json:"format"`
	Txn            string             `json:"txn"`
	Kind           string             `json:"kind"`
	Product        string             `json:"product"`
	Version        string             `json:"version"`
	From           int                `json:"from"`
	To             int                `json:"to"`
	Generation     int                `json:"generation"`
	Outside        string             `json:"outside,omitempty"`
	Mounts         []string           `json:"mounts,omitempty"`
	StateBefore    []byte             `json:"state_before"`
	StateAfter     []byte             `json:"state_after"`
	Changelog      string             `json:"changelog,omitempty"`
	Floor          *manifest.Sequence `json:"floor,omitempty"`
	Remember       string             `json:"remember,omitempty"`
	Keep           *int               `json:"keep,omitempty"` // generations to keep from now on; nil: as before
	Hotfix         int                `json:"hotfix,omitempty"`
	Reverts        int                `json:"reverts,omitempty"`
	RevertsOutside string             `json:"reverts_outside,omitempty"`
	Bundle         string             `json:"bundle,omitempty"`
	Base           manifest.Digest    `json:"base,omitzero"`
	Count          int                `json:"count"`
}

type entryLine struct {
	Type   manifest.Type    `json:"type"`
	Mode   uint32           `json:"mode,omitempty"`
	Size   int64            `json:"size,omitempty"`
	SHA256 *manifest.Digest `json:"sha256,omitempty"`
	Target string           `json:"target,omitempty"`
}

type opLine struct {
	Path   string     `json:"path"`
	Before *entryLine `json:"before"`
	After  *entryLine `json:"after"`
	New    string     `json:"new,omitempty"`
	Old    string     `json:"old,omitempty"`
}

type sumLine struct {
	SHA256 string `json:"sha256"`
}

func lineOf(e *manifest.Entry) *entryLine {
	if e == nil {
		return nil
	}
	l := &entryLine{Type: e.Type, Mode: e.Mode, Size: e.Size, Target: e.Target}
	if e.Type == manifest.File {
		l.SHA256 = &e.SHA256
	}
	return l
}

func (l *entryLine) entry(p string) (*manifest.Entry, error) {
	if l == nil {
		return nil, nil
	}
	e := &manifest.Entry{Path: p, Type: l.Type, Mode: l.Mode, Size: l.Size, Target: l.Target}
	if l.SHA256 != nil {
		e.SHA256 = *l.SHA256
	}
	ok := e.Mode <= 0o777 && e.Size >= 0 && e.Size <= manifest.MaxFile
	switch e.Type {
	case manifest.File:
		ok = ok && l.SHA256 != nil && e.Target == ""
	case manifest.Dir:
		ok = ok && l.SHA256 == nil && e.Target == "" && e.Size == 0
	case manifest.Symlink:
		ok = ok && l.SHA256 == nil && e.Size == 0 && e.Mode == 0 && manifest.CheckLink(p, e.Target) == nil
	default:
		ok = false
	}
	if !ok || e.CheckPlace() != nil {
		return nil, fmt.Errorf("%q has an impossible entry", p)
	}
	return e, nil
}

// writeRecord puts the record at name, atomically and durably.
func writeRecord(root *rootfs.Root, name string, h head, ops []op, end func(*rootfs.Pending) error) (err error) {
	h.Format, h.Count = recordFormat, len(ops)
	f, err := root.Pending(name, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Cleanup())
		}
	}()
	sum := sha256.New()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := encodeRecord(io.MultiWriter(w, sum), h, ops); err != nil {
		return err
	}
	if err := encodeLine(w, sumLine{hex.EncodeToString(sum.Sum(nil))}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return end(f)
}

func encodeRecord(w io.Writer, h head, ops []op) error {
	if err := encodeLine(w, h); err != nil {
		return err
	}
	for i := range ops {
		o := &ops[i]
		if err := encodeLine(w, opLine{o.Path, lineOf(o.Before), lineOf(o.After), o.New, o.Old}); err != nil {
			return err
		}
	}
	return nil
}

func encodeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// recordSize is the length of the record that writeRecord writes, made without
// encoding each line: paths and targets hold nothing that JSON escapes.
func recordSize(h head, ops []op) (int64, error) {
	h.Format, h.Count = recordFormat, len(ops)
	var first bytes.Buffer
	err := encodeLine(&first, h)
	n := int64(first.Len()+len(`{"sha256":""}`)) + sha256.Size*2 + 1
	for i := range ops {
		o := &ops[i]
		n += int64(len(`{"path":"","before":,"after":}`)+1+len(o.Path)) + lineSize(o.Before) + lineSize(o.After)
		for _, place := range []string{o.New, o.Old} { // ,"new":"" and ,"old":""
			if place != "" {
				n += int64(len(`,"new":""`) + len(place))
			}
		}
	}
	return n, err
}

// lineSize is the length of e as a line of a record holds it.
func lineSize(e *manifest.Entry) int64 {
	if e == nil {
		return int64(len("null"))
	}
	n := len(`{"type":""}`) + len(e.Type)
	if e.Mode != 0 {
		n += len(`,"mode":`) + len(itoa(int(e.Mode)))
	}
	if e.Size != 0 {
		n += len(`,"size":`) + len(itoa(int(e.Size)))
	}
	if e.Type == manifest.File {
		n += len(`,"sha256":""`) + sha256.Size*2
	}
	if e.Target != "" {
		n += len(`,"target":""`) + len(e.Target)
	}
	return int64(n)
}

// readRecord reads and checks a record; what says which kind it must be. The
// content is hostile: counts, lengths, paths and names are checked again, and
// names may only be those that this package generates.
func readRecord(root *rootfs.Root, name, what string) (h head, ops []op, err error) {
	f, err := root.Open(name)
	if err != nil {
		return h, nil, err
	}
	defer f.Close()
	r := &recordReader{r: bufio.NewReaderSize(f, maxLine), sum: sha256.New()}
	r.line(&h, maxHead)
	if r.err == nil {
		r.err = h.check(what)
	}
	for i := 0; r.err == nil && i < h.Count; i++ {
		ops = r.op(&h, ops)
	}
	r.end()
	if r.err != nil {
		return h, nil, fmt.Errorf("%s is damaged: %w", root.Full(name), r.err)
	}
	return h, ops, nil
}

type recordReader struct {
	r   *bufio.Reader
	sum hash.Hash
	err error
}

func (r *recordReader) raw(most int) []byte {
	var whole []byte
	for r.err == nil {
		b, err := r.r.ReadSlice('\n')
		whole = append(whole, b...)
		switch {
		case err == nil:
			return whole
		case !errors.Is(err, bufio.ErrBufferFull):
			r.err = fmt.Errorf("it ends too early: %w", err)
		case len(whole) >= most:
			r.err = fmt.Errorf("a line is longer than %d bytes", most)
		}
	}
	return nil
}

func (r *recordReader) line(v any, most int) {
	b := r.raw(most)
	if r.err == nil {
		r.sum.Write(b)
		r.decode(b, v)
	}
}

func (r *recordReader) decode(b []byte, v any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	r.err = d.Decode(v)
}

func (r *recordReader) op(h *head, ops []op) []op {
	var l opLine
	r.line(&l, maxLine)
	if r.err != nil {
		return ops
	}
	o := op{Path: l.Path, New: l.New, Old: l.Old}
	if o.Before, r.err = l.Before.entry(l.Path); r.err == nil {
		o.After, r.err = l.After.entry(l.Path)
	}
	o.split = o.New != "" && o.modeOnly()
	if r.err == nil {
		r.err = o.check(h, len(ops))
	}
	if n := len(ops); r.err == nil && n > 0 && ops[n-1].Path >= o.Path {
		r.err = fmt.Errorf("%q is out of order", o.Path)
	}
	return append(ops, o)
}

func (r *recordReader) end() {
	want := hex.EncodeToString(r.sum.Sum(nil))
	b := r.raw(maxLine)
	var l sumLine
	if r.err == nil {
		r.decode(b, &l)
	}
	if r.err == nil && l.SHA256 != want {
		r.err = errors.New("its SHA-256 is not the one it states")
	}
	if r.err == nil {
		if _, err := r.r.ReadByte(); !errors.Is(err, io.EOF) {
			r.err = errors.New("bytes follow its end")
		}
	}
}

func (h *head) check(what string) error {
	switch {
	case h.Record != what:
		return fmt.Errorf("it is no %s", what)
	case h.Format < 1 || h.Format > recordFormat:
		return fmt.Errorf("format %d is unknown; a newer tool wrote it", h.Format)
	case !validTxn(h.Txn):
		return fmt.Errorf("its run's id %.40q is impossible", h.Txn)
	case h.Count < 0 || h.Count > MaxOps || len(h.Mounts) > maxTops:
		return fmt.Errorf("%d paths or %d mounts are too many", h.Count, len(h.Mounts))
	case h.Generation < 0 || h.Generation > 1<<30 || h.Reverts < 0 || h.Reverts > 1<<30:
		return errors.New("its generation is impossible")
	case h.Keep != nil && (*h.Keep < 0 || *h.Keep > 1<<30) || h.Hotfix < 0 || h.Hotfix > manifest.MaxNumber:
		return errors.New("its number of backups or of a hotfix is impossible")
	case !slices.Contains(kindNames, h.Kind):
		return fmt.Errorf("its kind %.40q is unknown", h.Kind)
	case (h.Kind == kindRevert) != (h.Reverts > 0):
		return errors.New("only a revert takes a generation back")
	case h.Outside != "" && (h.Kind == kindRevert || !isOutside(h.Outside, h.Generation, h.Txn)):
		return fmt.Errorf("its backup's place %.200q is impossible", h.Outside)
	case h.RevertsOutside != "" && (h.Reverts == 0 || !isOutside(h.RevertsOutside, h.Reverts, "")):
		return fmt.Errorf("the backup's place %.200q is impossible", h.RevertsOutside)
	case h.Remember != "" && !isClean(h.Remember):
		return fmt.Errorf("its backup folder %.200q is impossible", h.Remember)
	case h.Changelog != "" && h.Changelog != h.changelogName():
		return fmt.Errorf("its changelog's name %.200q is impossible", h.Changelog)
	}
	for _, m := range h.Mounts {
		if err := checkMountTop(m); err != nil {
			return err
		}
	}
	for _, b := range [][]byte{h.StateBefore, h.StateAfter} {
		s, err := pack.ParseState(b)
		if err != nil {
			return err
		}
		if s.Product != h.Product || s.Version != h.Version {
			return errors.New("its state is another product's")
		}
	}
	return nil
}

func productPath(p string) error {
	if err := safepath.Check(p); err != nil {
		return err
	}
	return (&manifest.Entry{Path: p, Type: manifest.Dir}).CheckPlace()
}

// check: the path is a product's, and the names are ones that assignOp makes.
func (o *op) check(h *head, i int) error {
	if err := productPath(o.Path); err != nil {
		return err
	}
	at := places{h.Txn}
	if !nameFits(o.New, o.Path, h.Reverts, h, at.newName(i), func(top string) string { return at.mountNew(top, i) }) {
		return fmt.Errorf("%q has the impossible staged name %.200q", o.Path, o.New)
	}
	if !nameFits(o.Old, o.Path, h.Generation, h, at.oldName(i), func(top string) string { return at.mountOld(top, i) }) {
		return fmt.Errorf("%q has the impossible place %.200q", o.Path, o.Old)
	}
	if (o.movesAway() || o.removesDir()) != (o.Old != "") || o.needsNew() && o.New == "" {
		return fmt.Errorf("%q lacks a place, or has one too many", o.Path)
	}
	return nil
}

func nameFits(name, p string, gen int, h *head, staged string, mount func(string) string) bool {
	if name == "" || name == staged || gen > 0 && name == treeName(gen, p) {
		return true
	}
	for _, top := range h.Mounts {
		if name == mount(top) {
			return true
		}
	}
	return false
}

func exists(root *rootfs.Root, name string) (bool, error) {
	ok, err := root.Exists(name)
	if absent(err) {
		return false, nil
	}
	return ok, err
}

func changelogName(from, to int) string {
	return pack.Updates + "/" + pack.ChangelogName(from, to)
}

// changelogName is where the run's changelog goes.
func (h *head) changelogName() string {
	if h.Kind == kindHotfix {
		return pack.Updates + "/" + pack.HotfixChangelogName(h.To, h.Hotfix)
	}
	return changelogName(h.From, h.To)
}
