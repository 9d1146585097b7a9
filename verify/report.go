package verify

import (
	"encoding/json"
	"fmt"

	"packlift/internal/fault"
)

// Result is how a check ended.
type Result string

// The results. A warning does not refuse the bundle.
const (
	Passed     Result = "passed"
	Failed     Result = "failed"
	Warning    Result = "warning"
	NotChecked Result = "not checked"
)

// Check is one thing that was looked at, with its evidence: signer,
// fingerprint, digest, count, or the reason of the failure.
type Check struct {
	Name     string
	Result   Result
	Class    fault.Class // of a failed check
	Evidence string
}

// MarshalJSON gives {"name","result","class","evidence"}; class stands for a failed check only.
func (c Check) MarshalJSON() ([]byte, error) {
	out := struct {
		Name     string `json:"name"`
		Result   Result `json:"result"`
		Class    string `json:"class,omitempty"`
		Evidence string `json:"evidence,omitempty"`
	}{Name: c.Name, Result: c.Result, Evidence: c.Evidence}
	if c.Result == Failed {
		out.Class = c.Class.String()
	}
	return json.Marshal(out)
}

// Report lists checks in the order they were made, failed and skipped ones included.
type Report struct {
	Checks []Check `json:"checks"`
}

// OK reports whether there are checks and none failed.
func (r *Report) OK() bool {
	for _, c := range r.Checks {
		if c.Result == Failed {
			return false
		}
	}
	return len(r.Checks) > 0
}

func (r *Report) pass(name, format string, args ...any) {
	r.Checks = append(r.Checks, Check{Name: name, Result: Passed, Evidence: fmt.Sprintf(format, args...)})
}

func (r *Report) warn(name, format string, args ...any) {
	r.Checks = append(r.Checks, Check{Name: name, Result: Warning, Evidence: fmt.Sprintf(format, args...)})
}

// fail records err and returns it.
func (r *Report) fail(name string, err error) error {
	r.Checks = append(r.Checks, Check{Name: name, Result: Failed, Class: fault.ClassOf(err), Evidence: err.Error()})
	return err
}

func (r *Report) skip(name, reason string) {
	r.Checks = append(r.Checks, Check{Name: name, Result: NotChecked, Evidence: reason})
}

// count writes a number of things: 1 key, 2 keys.
