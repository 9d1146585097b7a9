package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"packlift/internal/fault"
)

// exitCode is one line of the table: a code, what it means, and the classes of
// fault that end with it.
type exitCode struct {
	code    int
	meaning string
	classes []fault.Class
}

// exitCodes is the one table of DESIGN.md, "Exit codes".
var exitCodes = []exitCode{
	{0, "done, or nothing to do", nil},
	{1, "error", []fault.Class{fault.General, fault.Unreachable, fault.Denied}},
	{2, "the tool updated itself: run the same command again", []fault.Class{fault.UpdatedItself}},
	{3, "conflicts", []fault.Class{fault.Conflict}},
	{4, "reverted (`revert` and `--revert`)", []fault.Class{fault.Reverted}},
	{10, "not a bundle, damaged or tampered", []fault.Class{fault.NotABundle, fault.Truncated, fault.Tampered}},
	{11, "not signed as the trust policy asks", []fault.Class{fault.Untrusted}},
	{12, "cannot decrypt (no matching identity)", []fault.Class{fault.Undecryptable}},
	{13, "wrong product or level", []fault.Class{fault.WrongProduct, fault.WrongLevel}},
	{14, "rollback refused", []fault.Class{fault.Rollback}},
	{15, "pack locked", []fault.Class{fault.Locked}},
	{16, "not enough space", []fault.Class{fault.NoSpace}},
	{17, "pack differs from its manifest", []fault.Class{fault.Differs}},
	{18, "interrupted and not recoverable by itself", []fault.Class{fault.Unrecoverable}},
	{19, "product is running", []fault.Class{fault.Running}},
	{20, "more privileged than the pack's owner", []fault.Class{fault.Privileged}},
	{64, "usage", []fault.Class{fault.Usage}},
	{130, "interrupted", []fault.Class{fault.Interrupted}},
}

// classOf is the class of err; a cancelled context counts as interrupted, and
// a full disk or quota is one wherever it is met.
func classOf(err error) fault.Class {
	switch class := fault.ClassOf(err); {
	case class != fault.General:
		return class
	case errors.Is(err, context.Canceled):
		return fault.Interrupted
	case isNoSpace(err):
		return fault.NoSpace
	}
	return fault.General
}

// OnFullDisk names the file or folder that could not take more, where err says
// that a disk or quota is full.
func OnFullDisk(err error, name string) error {
	if err == nil || !isNoSpace(err) || fault.ClassOf(err) != fault.General {
		return err
	}
	return fault.New(fault.NoSpace, "%s: %w", name, err)
}

// hintOf is the hint of err, or the one of its class.
func hintOf(err error) string {
	hint := fault.HintOf(err)
	switch {
	case hint != "":
	case isTooLarge(err):
		hint = tooLargeHint
	case isReadOnly(err):
		hint = readOnlyHint(err)
	case isNoSpace(err):
		hint = noSpaceHint
	case isShared(err):
		hint = "another program has it open: close that, then run the same command again"
	}
	return hint
}

// Ended is the end of another process that did this run's work: its exit code
// is this run's, and it has said what there is to say.
type Ended struct{ Code int }

func (e *Ended) Error() string { return fmt.Sprintf("ended with exit code %d", e.Code) }

// ExitCode is the code that a run which ended with err exits with.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var ended *Ended
	if errors.As(err, &ended) {
		return ended.Code
	}
	return codeOf(classOf(err))
}

func codeOf(class fault.Class) int {
	for _, c := range exitCodes {
		for _, k := range c.classes {
			if k == class {
				return c.code
			}
		}
	}
	return 1
}

// ExitCodesText is the table as `help exit-codes` prints it.
func ExitCodesText() string {
	var b strings.Builder
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "%4d  %s\n", c.code, strings.ReplaceAll(c.meaning, "`", ""))
	}
	return b.String()
}

// Markers that stand around the table in README.md.
const (
	ExitCodesBegin = "<!-- exit codes: begin -->"
	ExitCodesEnd   = "<!-- exit codes: end -->"
)

// ExitCodesMarkdown is the table as README.md holds it, between the two markers.
func ExitCodesMarkdown() string {
	var b strings.Builder
	b.WriteString(ExitCodesBegin + "\n| code | meaning |\n|---|---|\n")
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", c.code, c.meaning)
	}
	b.WriteString(ExitCodesEnd + "\n")
	return b.String()
}
