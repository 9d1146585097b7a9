package export

import (
	"context"
	"testing"

	"packlift/internal/fault"
)

// TestProgressOfWriting: it rises from nothing to all that is compressed.
func TestProgressOfWriting(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	var last, total int64
	calls := 0
	o.Progress = func(s Stage, done, all int64) {
		if s != StageWrite {
			return
		}
		if calls++; done < last || calls == 1 && done != 0 || calls > 1 && all != total {
			t.Errorf("%d of %d bytes after %d of %d", done, all, last, total)
		}
		last, total = done, all
	}
	made := create(t, o)
	want := int64(0)
	for _, name := range []string{"tools.tar.xz.age", "levels.tar.xz.age", "payload.tar.xz.age"} {
		want += part(made.Info, name).Size
	}
	if last != total || total != want || calls < 4 {
		t.Errorf("it ends at %d of %d bytes after %d calls, the parts hold %d", last, total, calls, want)
	}
}

func TestLeastMemory(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.MaxMemory = LeastMemory
	create(t, o)
	o.MaxMemory--
	if _, err := CreateUpdate(context.Background(), o); fault.ClassOf(err) != fault.Usage {
		t.Errorf("less than the least memory gives %v", err)
	}
}
