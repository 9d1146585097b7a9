package common

import "testing"

// No secret comes to lie in a folder that is called ~ because a shell left it as it is.
func TestUnexpandedHome(t *testing.T) {
	for _, test := range []struct {
		goos, name string
		want       bool
	}{
		{"windows", "~/.packlift/identity", true}, {"windows", `~\id`, true}, {"windows", `C:\~\id`, false}, {"windows", "~id", false},
		{"linux", "~/id", false}, // somebody's own folder of that name
	} {
		if got := unexpanded(test.goos, test.name); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
