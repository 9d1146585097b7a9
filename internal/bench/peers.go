package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// shell is a command of bash, that fails if any part of a pipe does.
func shell(script string, args ...string) []string {
	return append([]string{"bash", "-e", "-o", "pipefail", "-c", script, "bash"}, args...)
}

// peersOf are the other ways, each with the settings that serve it best.
func (b *bench) peersOf(t *trees) []contender {
	return []contender{zipped(t), b.archived(t), zstd(t), xdelta(t), bsdiff(t), ostree(t), whole(t)}
}

// zipped sends changed files as the tools do that packlift follows.
func zipped(t *trees) contender {
	patch := t.path("peer.zip")
	return contender{
		name: "zip -9, changed files", needs: []string{"zip", "unzip"},
		create: shell(`rm -f "$2"; cd "$1"; tr '\0' '\n' <"$3" | zip -9 -q -X "$2" -@`, t.newTree, patch, t.list), size: fileSize(patch),
		fresh: t.fresh, apply: []string{"unzip", "-q", "-o", patch, "-d", t.path("out")}, check: t.changedCame,
	}
}

// changedCame is an error unless out holds the changed files.
func (t *trees) changedCame() error {
	for _, name := range t.changed {
		if err := sameFile(t.path("out", name), filepath.Join(t.newTree, name)); err != nil {
			return err
		}
	}
	return nil
}

func sameFile(got, want string) error {
	equal, _, err := equalFiles(got, want)
	if err == nil && !equal {
		err = fmt.Errorf("%s is not as it should be", got)
	}
	return err
}

func (b *bench) archived(t *trees) contender {
	patch := t.path("peer.tar.xz.age")
	return contender{
		name: "tar, xz -6 -T0, age, changed files", needs: []string{"tar", "xz", "age"},
		create: shell(`tar -C "$1" --null -T "$2" -cf - | xz -6 -T0 | age -r "$3" >"$4"`, t.newTree, t.list, b.recipient, patch), size: fileSize(patch),
		fresh: t.fresh, apply: shell(`age -d -i "$1" "$2" | xz -d -T0 | tar -xf - -C "$3"`, b.path("identity"), patch, t.path("out")), check: t.changedCame,
	}
}

func (t *trees) tarCame() error { return sameFile(t.path("out", "new.tar"), t.newTar) }

func zstd(t *trees) contender {
	patch := t.path("peer.zst")
	return contender{
		name: "zstd -19 --long=31 --patch-from, tars", needs: []string{"zstd"},
		create: []string{"zstd", "-q", "-f", "-19", "--long=31", "--patch-from=" + t.oldTar, t.newTar, "-o", patch}, size: fileSize(patch),
		fresh: t.fresh, apply: []string{"zstd", "-q", "-d", "--long=31", "--patch-from=" + t.oldTar, patch, "-o", t.path("out", "new.tar")}, check: t.tarCame,
	}
}

func xdelta(t *trees) contender {
	patch := t.path("peer.vcdiff")
	return contender{
		name: "xdelta3 -9 -S lzma, tars", needs: []string{"xdelta3"},
		create: []string{"xdelta3", "-e", "-f", "-9", "-S", "lzma", "-B", "268435456", "-W", "16777216", "-s", t.oldTar, t.newTar, patch}, size: fileSize(patch),
		fresh: t.fresh, apply: []string{"xdelta3", "-d", "-B", "268435456", "-s", t.oldTar, patch, t.path("out", "new.tar")}, check: t.tarCame,
	}
}

// ostree makes one static delta; commits and what the site holds stand ready.
func ostree(t *trees) contender {
	repo, site, patch := t.path("ostree"), t.path("ostree-site"), t.path("peer.ostree")
	return contender{
		name: "ostree static-delta", needs: []string{"ostree"},
		setup: func() error {
			return quiet(shell(`ostree --repo="$1" init --mode=archive; ostree --repo="$2" init --mode=bare-user
				for v in old new; do ostree --repo="$1" commit -b $v --tree=dir="$3/$v" >"$3/$v.commit"; done
				ostree --repo="$2" pull-local "$1" old`, repo, site, t.dir)...)
		},
		create: shell(`ostree --repo="$1" static-delta generate --min-fallback-size=0 --inline --filename="$3" --from=$(cat "$2/old.commit") --to=$(cat "$2/new.commit")`,
			repo, t.dir, patch), size: fileSize(patch),
		fresh: func() error {
			if err := t.fresh(); err != nil {
				return err
			}
			return quiet("cp", "-a", site, t.path("out", "repo"))
		},
		apply: []string{"ostree", "--repo=" + t.path("out", "repo"), "static-delta", "apply-offline", patch},
		check: func() error {
			if err := quiet(shell(`ostree --repo="$1/out/repo" checkout -U $(cat "$1/new.commit") "$1/out/tree"`, t.dir)...); err != nil {
				return err
			}
			return equalTrees(t.path("out", "tree"), t.newTree, "")
		},
	}
}

// whole unpacks the new product as a whole: what a site without an old one does.
func whole(t *trees) contender {
	archive := t.path("whole.tar.xz")
	return contender{
		name: "tar, xz -6 -T0, whole product", needs: []string{"tar", "xz"}, whole: true,
		create: shell(`tar -C "$1" -cf - . | xz -6 -T0 >"$2"`, t.newTree, archive), size: fileSize(archive),
		fresh: t.fresh, apply: shell(`xz -d -T0 <"$1" | tar -xf - -C "$2"`, archive, t.path("out")),
		check: func() error { return equalTrees(t.path("out"), t.newTree, "") },
	}
}

// bsdiff makes a patch a file, on all cores; files without an old one go in a tar.xz.
func bsdiff(t *trees) contender {
	make, mend, rest := t.path("bsdiff.make"), t.path("bsdiff.mend"), t.path("bsdiff.rest")
	patches, archive := t.path("patches"), t.path("patches", "rest.tar.xz")
	matched, alone := pairs(t)
	return contender{
		name: "bsdiff a file, renames matched", needs: []string{"bsdiff", "bspatch", "xz"},
		setup: func() error {
			var making, mending strings.Builder
			for i, p := range matched {
				old, patch := filepath.Join(t.oldTree, p.old), filepath.Join(patches, fmt.Sprint(i))
				fmt.Fprintf(&making, "%s\x00%s\x00%s\x00", old, filepath.Join(t.newTree, p.new), patch)
				fmt.Fprintf(&mending, "%s\x00%s\x00%s\x00", old, t.path("out", fmt.Sprint(i)), patch)
			}
			for name, text := range map[string]string{make: making.String(), mend: mending.String(), rest: strings.Join(append(alone, ""), "\x00")} {
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					return err
				}
			}
			return os.MkdirAll(patches, 0o755)
		},
		create: shell(`xargs -0 -r -n3 -P$(nproc) bsdiff <"$1"; tar -C "$2" --null -T "$3" -cf - | xz -6 -T0 >"$4"`, make, t.newTree, rest, archive),
		size:   func() (int64, error) { return folderSize(patches) },
		fresh:  t.fresh, apply: shell(`xargs -0 -r -n3 -P$(nproc) bspatch <"$1"; xz -d -T0 <"$2" | tar -xf - -C "$3"`, mend, archive, t.path("out")),
		check: func() error {
			for i, p := range matched {
				if err := sameFile(t.path("out", fmt.Sprint(i)), filepath.Join(t.newTree, p.new)); err != nil {
					return err
				}
			}
			for _, name := range alone {
				if err := sameFile(t.path("out", name), filepath.Join(t.newTree, name)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func folderSize(dir string) (n int64, err error) {
	all, err := os.ReadDir(dir)
	for _, d := range all {
		info, err := d.Info()
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, err
}
