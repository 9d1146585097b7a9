package pack

import (
	"fmt"
	"time"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

// LogFile opens updates/logs/packlift-COMMAND-TIME.log for adding to, with now
// in UTC such as 20261121T215438Z.
func (p *Pack) LogFile(now time.Time, command string) (*rootfs.File, error) {
	name := fmt.Sprintf("packlift-%s-%s.log", command, now.UTC().Format("20060102T150405Z"))
	if err := safepath.Element(name); err != nil {
		return nil, fault.New(fault.General, "log: %w", err)
	}
	if info, err := p.root.Lstat(LogDir); err == nil && !info.IsDir() {
		return nil, fault.New(fault.General, "%s is no folder, and the log of each run goes there", p.root.Full(LogDir)).
			WithHint("move %s aside", LogDir)
	}
	if err := p.root.MkdirAll(LogDir, 0o755); err != nil {
		return nil, err
	}
	return p.root.Append(LogDir+"/"+name, 0o640)
}
