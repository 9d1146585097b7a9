// Package cli is how both tools speak: output, questions, exit codes and the
// only os.Exit.
//
// # Output rules
//
// Every command keeps these, and only this package prints:
//
//   - What was asked for (data, results) goes to standard output. All else
//     goes to standard error: notes, warnings, errors, hints, questions, progress.
//   - With --json each line on standard output is one JSON object whose first
//     key is message_type; nothing else is written there. The last line of a
//     failed run is of type "error" ("ended" for the codes 2 and 4, which are no
//     failures) and holds class, exit code, message and hint.
//   - With -q notes, results and progress are left out; data, warnings and
//     errors stay. With -v details are added.
//   - An error is `error: MESSAGE [CLASS]`; what to type next follows on a line
//     of its own, `hint: …`. A warning is `warning: …`.
//   - Progress is drawn on a terminal only, and only for work of over a second.
//     With --json it becomes lines of type "status", one a second at most.
//   - Colour is for terminals: --color auto|always|never; NO_COLOR (no-color.org)
//     turns it off where --color does not say otherwise.
//   - Control characters in any text are printed escaped: a file name or a
//     bundle's text never moves the cursor of the terminal that shows it.
//   - Secrets are asked for on the terminal itself, without echo, or read from
//     the file that PACKLIFT_PASSPHRASE_FILE names; never from a flag.
package cli
