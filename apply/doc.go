// Package apply changes a pack: it brings a verified bundle's level into it,
// takes the newest one back out, and finishes or undoes what was interrupted.
// It is the only package that changes product files.
//
// It guarantees:
//
//   - A plan only reads. Only paths that differ between the two levels are
//     looked at; unchanged files are neither touched nor hashed.
//   - Whatever ends a run, Recover finds the pack on the old level or on the
//     new one, or brings it to one of the two. Recover may itself be ended.
//   - A file that differs from the signed manifest of the installed level is a
//     Conflict where the update changes it too, and nothing is changed at all.
//     A file that changes while a run is under way is left as it is.
//   - Every old file is in the backup, or (Options.NoBackup) in the stage
//     until the new level is committed.
//   - No symlink is written through: a path below a linked folder is refused.
//   - No move replaces a file, where the file system knows such a rename.
//   - Nothing outside the pack is removed but a backup that holds a copy of the
//     pack's own record of it.
//
// The order of a run is: stage every new content and the backup, sync; write
// the journal, sync; move old files away, move new ones in, sync; replace
// state.json (the commit point); floor, audit log, changelog; remove the
// journal; remove the stage. While a journal exists the way is forward; a
// journal.undo means that the way is back.
//
// Limits: MaxOps changed paths a run, lines of at most 1 MiB in the journal
// and the backup's manifest. Permission bits are not compared on Windows. Two
// mounts of one file system inside one pack are not told apart: the rename
// fails, and the run is rolled back.
package apply
