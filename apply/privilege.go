package apply

import (
	"os"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// CheckPrivilege refuses a run as root on a pack that another user owns: files
// that it makes could be ones the owner can no longer change, and a pack's
// owner could aim a privileged run at other files. allow lifts the rule. On
// Windows it checks nothing.
func CheckPrivilege(p *pack.Pack, allow bool) error {
	if allow || os.Geteuid() != 0 {
		return nil
	}
	uid, _, ok, err := p.Root().OwnerOf(".")
	if err != nil || !ok || uid == 0 {
		return err
	}
	return fault.New(fault.Privileged, "running as root, but the pack %s belongs to user %d", p.Dir(), uid).
		WithHint("run it as the pack's owner, or add --allow-root")
}
