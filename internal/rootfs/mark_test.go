package rootfs

import (
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	r, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stat := func(name, text string) Mark {
		t.Helper()
		if text != "" {
			if err := r.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Chtimes(name, time.Unix(1e9, 500)); err != nil {
			t.Fatal(err)
		}
		info, err := r.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := MarkOf(info); !m.Is(info) || !m.Known() || m.Size() != info.Size() {
			t.Errorf("%s is not itself", name)
		}
		return MarkOf(info)
	}
	a, b := stat("a", "same"), stat("b", "same")
	info, _ := r.Lstat("a")
	if b.Is(info) || !a.Is(info) || (Mark{}).Is(info) || MarkOf(nil).Known() {
		t.Error("another file, or none, counts as the same")
	}
	if err := r.Chtimes("a", time.Unix(1e9, 600)); err != nil {
		t.Fatal(err)
	}
	if info, _ := r.Lstat("a"); a.Is(info) {
		t.Error("another time counts as the same")
	}
	f, err := r.Update("b", 0)
	if err == nil {
		_, err = f.WriteAt([]byte("longer"), 0)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Chtimes("b", time.Unix(1e9, 5))
	if info, _ := r.Lstat("b"); b.Is(info) {
		t.Error("another length counts as the same")
	}
}
