package manifest

import (
	"cmp"
	"fmt"
)

// Sequence orders the states a product can be in: by epoch, then level, then
// hotfix number. The vendor raises the epoch when levels begin anew.
type Sequence struct {
	Epoch  int `json:"epoch"`
	Level  int `json:"level"`
	Hotfix int `json:"hotfix"`
}

// MaxNumber is the largest epoch and hotfix number.
const MaxNumber = 9999

// Compare gives -1, 0 or 1 as s is older than, the same as, or newer than t.
func (s Sequence) Compare(t Sequence) int {
	return cmp.Or(cmp.Compare(s.Epoch, t.Epoch), cmp.Compare(s.Level, t.Level), cmp.Compare(s.Hotfix, t.Hotfix))
}

// Check returns an error unless every number is 0 to its cap.
func (s Sequence) Check() error {
	if s.Epoch < 0 || s.Epoch > MaxNumber || s.Level < 0 || s.Level > MaxLevel || s.Hotfix < 0 || s.Hotfix > MaxNumber {
		return fmt.Errorf("sequence %s is out of range", s)
	}
	return nil
}

// String gives "epoch.level.hotfix", such as "0.10.2".
func (s Sequence) String() string { return fmt.Sprintf("%d.%d.%d", s.Epoch, s.Level, s.Hotfix) }
