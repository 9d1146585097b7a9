package apply

import (
	"path"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// mounts finds the folders inside the pack where another volume begins: no
// rename leads from one into the other, so each has a stage of its own. Home is
// the volume of the pack's stage.
type mounts struct {
	root    *rootfs.Root
	home    rootfs.Volume
	folders *folders
	top     map[string]string // folder → top of its volume, "" on home
	checked map[string]bool   // tops that may be written
}

func newMounts(root *rootfs.Root) (*mounts, error) {
	m := &mounts{root: root, folders: newFolders(root), top: map[string]string{}, checked: map[string]bool{}}
	var err error
	m.home, err = m.volume(stageRoot)
	return m, err
}

// volume is where a name in the folder dir lies, or would if dir were made.
func (m *mounts) volume(dir string) (rootfs.Volume, error) {
	dir = m.folders.nearest(dir + "/x")
	if m.folders.err != nil {
		return rootfs.Volume{}, m.folders.err
	}
	return m.root.Volume(dir)
}

// isAway: what lies in dir cannot be reached from the stage by rename.
func (m *mounts) isAway(dir string) (bool, error) {
	v, err := m.volume(dir)
	return v != m.home, err
}

// of gives "" where p lies on home.
func (m *mounts) of(p string) (string, error) {
	dir := m.folders.nearest(p)
	if m.folders.err != nil {
		return "", m.folders.err
	}
	if top, ok := m.top[dir]; ok {
		return top, nil
	}
	v, err := m.root.Volume(dir)
	if err != nil {
		return "", err
	}
	top := ""
	if v != m.home {
		top, err = m.climb(dir, v)
	}
	m.top[dir] = top
	return top, err
}

func (m *mounts) climb(dir string, v rootfs.Volume) (string, error) {
	for dir != "." {
		up := path.Dir(dir)
		above, err := m.root.Volume(up)
		if err != nil {
			return "", err
		}
		if above != v {
			break
		}
		dir = up
	}
	return dir, nil
}

// mayWrite refuses a volume that is read-only; p is a path to be changed on it.
func (m *mounts) mayWrite(p, top string) error {
	if m.checked[top] {
		return nil
	}
	name := top
	if name == "" {
		name = m.folders.nearest(stageRoot + "/x")
	}
	s, err := m.root.Free(name)
	if err != nil {
		return err
	}
	if s.ReadOnly {
		full := m.root.Full(name)
		return fault.New(fault.General, "%q has to change, and %s is mounted read-only", p, full).
			WithHint("mount -o remount,rw %s   (as root; a medium that is write-protected stays so), then run the same command again", typed.Word(full))
	}
	m.checked[top] = true
	return nil
}

// checkMountTop: a folder that a stage may lie in beside its targets; "." where
// the pack's own data is a volume of its own.
func checkMountTop(top string) error {
	if top == "." {
		return nil
	}
	return productPath(top)
}
