package rootfs

import (
	"io/fs"
	"path"
)

// folderFS shows one folder of a Root as an fs.FS, under the Root's rules.
type folderFS struct {
	root *Root
	dir  string
	max  int64
}

// FS shows the folder dir for reading. ReadFile through it has the cap max.
func (r *Root) FS(dir string, max int64) fs.FS { return folderFS{r, dir, max} }

func (f folderFS) full(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(f.dir, name), nil
}

func (f folderFS) Open(name string) (fs.File, error) {
	full, err := f.full("open", name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.Open(full)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f folderFS) ReadFile(name string) ([]byte, error) {
	full, err := f.full("read", name)
	if err != nil {
		return nil, err
	}
	return f.root.ReadFile(full, f.max)
}

func (f folderFS) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := f.full("readdir", name)
	if err != nil {
		return nil, err
	}
	return f.root.ReadDir(full)
}
