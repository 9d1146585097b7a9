package apply

import (
	"log/slog"
	"runtime"
	"time"

	"filippo.io/age"
)

// Options are what a caller may choose. The zero value decrypts nothing, keeps
// a backup in the pack (or where the pack's config says), and writes a changelog.
type Options struct {
	Identities  []age.Identity
	Level       int    // 0 or the bundle's end level
	BackupDir   string // folder outside the pack; remembered
	NoBackup    bool
	KeepBackups *int // how many generations to keep from now on, 0 for all; nil: as before
	Jobs        int  // workers; 0: one a core
	NoChangelog bool
	Template    string // Go template for the changelog; empty: the usual form
	AllowRoot   bool
	LogFile     string // name in the pack of the run's log, which grows; empty: none
	LogDry      int64  // bytes that the log of a dry run, which is not written, would hold by now
	// AcceptDifferent lets a first update go on though the tree is hardly the
	// level that it is said to hold.
	AcceptDifferent bool
	// Ours and Theirs decide conflicts of paths that match one of these globs:
	// the site's version stays, or the update's comes. Finals are the paths F of
	// which F.final is taken: those that wait for a decision, and no others, for
	// a user's file may have such a name.
	Ours, Theirs []string
	Finals       []string
	Progress     func(done, total int64) // bytes staged, of all to stage; called from several goroutines; may be nil
	Log          *slog.Logger            // may be nil
	Now          func() time.Time        // may be nil

	Payload *Payload // of the bundle, for the plan to begin with and for its run; may be nil

	open  func() (blobs, func() error) // the payload; nil: no contents are to be had while planning
	cache int64                        // bytes of old files that a plan holds; 0: cacheMost, less: none
}

func (o Options) withDefaults() Options {
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.cache == 0 {
		o.cache = cacheMost
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	return o
}

// Result is what a finished run did.
type Result struct {
	From       int    `json:"from"`
	To         int    `json:"to"`
	Added      int    `json:"added"`
	Modified   int    `json:"modified"`
	Removed    int    `json:"removed"`
	Generation int    `json:"generation"`          // the backup's number, 0: none
	Backup     string `json:"backup,omitempty"`    // its folder
	Changelog  string `json:"changelog,omitempty"` // name in the pack
}
