package depot

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Checked is what Check found.
type Checked struct {
	Levels int     `json:"levels"`
	Files  int     `json:"files"` // contents and deltas
	Bytes  int64   `json:"bytes"` // as stored
	Tools  int     `json:"tools"`
	Faults []Fault `json:"faults,omitempty"`
}

// Fault is a file that is not what the index says.
type Fault struct {
	Name   string      `json:"name"`
	Class  fault.Class `json:"-"`
	Reason string      `json:"reason"`
}

// Check reads every file that the index leads to, and compares it with what is
// stated of it: as stored, and unpacked. It goes on after a fault of a single file.
func (v *View) Check(ctx context.Context, jobs int, progress func(done, total int64)) (*Checked, error) {
	c := &checking{v: v, ctx: ctx}
	seen := &needs{names: map[string]bool{}}
	for _, l := range v.Index.Levels {
		c.out.Levels++
		if err := seen.level(ctx, v, l); err != nil {
			c.note(l.name(), err)
		}
		if _, err := v.Advisory(ctx, l); err != nil {
			c.note(v.name(advisoryName(l.Advisory.SHA256)), err)
		}
	}
	for _, o := range seen.objects {
		c.total += o.Stored.Size
	}
	g := errgroup.Group{}
	g.SetLimit(max(1, jobs))
	for _, o := range seen.objects {
		g.Go(func() error {
			if ctx.Err() == nil {
				c.object(o, progress)
			}
			return nil
		})
	}
	g.Wait()
	for i := range v.Index.Tools {
		c.tool(&v.Index.Tools[i])
	}
	slices.SortFunc(c.out.Faults, func(a, b Fault) int { return strings.Compare(a.Name, b.Name) })
	if ctx.Err() != nil {
		return nil, fault.New(fault.Interrupted, "the depot is not checked to its end: %w", context.Cause(ctx))
	}
	return &c.out, nil
}

func (l *Level) name() string { return fmt.Sprintf("level %d", l.Level) }

// checking gathers what is found.
type checking struct {
	v     *View
	ctx   context.Context
	mu    sync.Mutex
	out   Checked
	done  int64
	total int64
}

func (c *checking) note(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Faults = append(c.out.Faults, Fault{name, fault.ClassOf(err), err.Error()})
}

func (c *checking) object(o *manifest.Object, progress func(done, total int64)) {
	if err := c.v.readObject(c.ctx, o); err != nil {
		c.note(c.v.name(objectName(o)), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Files++
	c.out.Bytes += o.Stored.Size
	c.done += o.Stored.Size
	progress(c.done, c.total)
}

// readObject reads all of an object; a delta has to say that it makes the content.
func (v *View) readObject(ctx context.Context, o *manifest.Object) error {
	r, err := v.OpenObject(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if o.Delta == nil {
		_, err = io.Copy(io.Discard, r)
		return err
	}
	d, err := delta.NewReader(r)
	if err != nil {
		return v.said(ctx, objectName(o), err)
	}
	bases := slices.EqualFunc(d.Bases, o.Bases, func(c delta.Content, want manifest.Digest) bool { return c.SHA256 == want })
	if d.Result.SHA256 != o.SHA256 || d.Result.Size != o.Size || !bases {
		return tampered(v.name(objectName(o)), "makes another content than the list says")
	}
	for {
		if _, err := d.Next(); err == io.EOF {
			break
		} else if err != nil {
			return v.said(ctx, objectName(o), err)
		}
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

func (c *checking) tool(t *Tool) {
	err := c.v.CheckTool(c.ctx, t)
	if err == nil {
		var r io.ReadCloser
		if r, err = c.v.OpenTool(c.ctx, t); err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
	}
	if err != nil {
		c.note(c.v.name(t.fileName()), err)
	}
	c.out.Tools++
}
