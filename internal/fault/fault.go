// Package fault names the classes of fault that a run can end with.
//
// A class says what kind of thing went wrong (tampered, untrusted, wrong
// product, …); internal/cli maps each class to an exit code in one table.
// Packages below the command line return a *Error where the class is known
// and plain wrapped errors elsewhere; the outermost class in a chain wins.
package fault

import (
	"errors"
	"fmt"
)

// Class is one kind of fault. The zero Class is General: an error of no
// particular kind.
type Class int

// The classes, in the order of their exit codes (DESIGN.md, "Exit codes").
const (
	General       Class = iota // 1: any other error
	Unreachable                // 1: a server does not answer, or something else answers in its place
	Denied                     // 1: a server or proxy wants other credentials
	UpdatedItself              // 2: the tool was replaced; run the same command again
	Conflict                   // 3: customized files are in the way
	Reverted                   // 4: the pack was put back
	NotABundle                 // 10: no bundle at all
	Truncated                  // 10: ends too early
	Tampered                   // 10: a digest, size or canonical form does not hold
	Untrusted                  // 11: not signed as the policy asks
	Undecryptable              // 12: no identity matches
	WrongProduct               // 13: other product
	WrongLevel                 // 13: level outside the bundle's range
	Rollback                   // 14: below the site's floor
	Locked                     // 15: another run holds the pack
	NoSpace                    // 16: not enough space
	Differs                    // 17: the pack differs from its manifest
	Unrecoverable              // 18: interrupted and not recoverable by itself
	Running                    // 19: the product is running
	Privileged                 // 20: more privileged than the pack's owner
	Usage                      // 64: the command line is wrong
	Interrupted                // 130: a signal ended the run
)

var names = map[Class]string{
	General: "error", Unreachable: "unreachable", Denied: "denied", UpdatedItself: "updated itself", Conflict: "conflict", Reverted: "reverted",
	NotABundle: "not a bundle", Truncated: "truncated", Tampered: "tampered",
	Untrusted: "untrusted", Undecryptable: "cannot decrypt", WrongProduct: "wrong product",
	WrongLevel: "wrong level", Rollback: "rollback", Locked: "locked", NoSpace: "no space",
	Differs: "differs", Unrecoverable: "not recoverable", Running: "product running",
	Privileged: "too privileged", Usage: "usage", Interrupted: "interrupted",
}

// String gives the class as it is printed and logged.
func (c Class) String() string { return names[c] }

// Error is an error of a known class. Hint, if not empty, is the next thing
// to type or do, without a final full stop.
type Error struct {
	Class Class
	Err   error
	Hint  string
}

// New makes an *Error; format and args are those of fmt.Errorf, %w included.
func New(class Class, format string, args ...any) *Error {
	return &Error{Class: class, Err: fmt.Errorf(format, args...)}
}

// WithHint sets the hint and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error beneath.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the outermost *Error in err's chain, General
// if there is none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return General
}

// HintOf returns the first hint in err's chain, or "".
func HintOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
