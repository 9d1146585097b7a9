package delta

import (
	"io"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/streams"
)

// A difference of two executables takes five times the old one beside the new
// one. Those of entries are planned ahead of their turn, so many bytes at a time.
const (
	codeMemory = 5
	codesAhead = 48 << 20
)

// codePlan is a difference of executables; nil in it where that does not pay.
type codePlan struct{ *bytediff.Code }

// code writes a content as a difference of two executables, if it is one of
// those and that pays. The plan is nil if it is yet to be made.
func (m *maker) code(in io.ReaderAt, size int64, source int64, plan *codePlan) (bool, error) {
	used := m.used
	defer func() { m.used = used }()
	t := &m.items[source]
	if !m.plannable(size, t) || m.take(bytediff.MaxSteps*bytediff.StepMemory) != nil || !isCode(in, size) {
		return false, nil
	}
	if t.packed && m.take(t.plain) != nil {
		return false, nil
	}
	if plan == nil {
		new, err := whole(in, size)
		if err != nil {
			return false, err
		}
		if plan, err = planCode(m.hands[0], new, t); err != nil {
			return false, err
		}
	}
	if plan.Code == nil {
		return false, nil
	}
	m.w.Uint(streams.Control, formCode)
	m.w.Uint(streams.Control, uint64(source))
	return true, plan.Write(m.w)
}

func (m *maker) plannable(size int64, t *item) bool {
	return size+codeMemory*t.plain <= m.o.Memory && max(size, t.plain) <= 1<<30 && (!t.packed || t.plain <= MaxInside)
}

func isCode(in io.ReaderAt, size int64) bool {
	var magic [4]byte
	return size >= int64(len(magic)) && readFull(in, magic[:], 0) == nil && bytediff.Executable(magic)
}

// planCode tells new from an item. One that cannot be inflated is as one that does not pay.
func planCode(h *hand, new []byte, t *item) (*codePlan, error) {
	var old []byte
	var err error
	if t.packed {
		if old, err = h.inflate(t); err != nil {
			return &codePlan{}, nil
		}
	} else if old, err = whole(io.NewSectionReader(t.in, t.off, t.length), t.plain); err != nil {
		return nil, err
	}
	return &codePlan{h.bytes.MakeCode(new, old)}, nil
}

// planCodes plans the differences of the executables at the front of batch,
// several at a time, and returns for how many entries that is done.
func (z *zipper) planCodes(batch []told) int {
	cost := func(i int) int64 {
		if t := &batch[i]; z.isPlanned(t) {
			return int64(len(t.content)) + codeMemory*z.items[t.sources[0]].plain
		}
		return 0
	}
	n := rowOf(len(batch), codesAhead, cost)
	z.hands.each(n, func(h *hand, i int) {
		if t := &batch[i]; z.isPlanned(t) {
			t.plan, _ = planCode(h, t.content, &z.items[t.sources[0]]) // an error comes again in its turn
		}
	})
	return n
}

func (z *zipper) isPlanned(t *told) bool {
	return t.content != nil && len(t.sources) > 0 && z.plannable(int64(len(t.content)), &z.items[t.sources[0]]) && isCode(t.content, int64(len(t.content)))
}
