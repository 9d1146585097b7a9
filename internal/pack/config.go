package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

const maxConfig = 64 << 10

// Config is the settings that stay. BackupDir is absolute, "" for the pack's
// own folder; Channel is "" for the default one. KeepBackups is how many
// generations stay when an update is done, 0 for all.
type Config struct {
	BackupDir   string `json:"backup_dir,omitempty"`
	Channel     string `json:"channel,omitempty"`
	KeepBackups int    `json:"keep_backups,omitempty"`
}

type configFile struct {
	Format int `json:"format"`
	Config
}

// Config reads config.json; a missing file is an empty Config.
func (p *Pack) Config() (Config, error) {
	var f configFile
	_, err := readVersioned(p.root, ConfigFile, maxConfig, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return Config{}, err
	}
	return f.Config, nil
}

func (c Config) check() error {
	if c.BackupDir != "" && (!filepath.IsAbs(c.BackupDir) || strings.ContainsRune(c.BackupDir, 0)) {
		return fmt.Errorf("%s: backup folder %.200q is not absolute", ConfigFile, c.BackupDir)
	}
	if c.KeepBackups < 0 || c.KeepBackups > maxGeneration {
		return fmt.Errorf("%s: %d backups cannot be kept", ConfigFile, c.KeepBackups)
	}
	if !printable(c.Channel) {
		return fmt.Errorf("%s: channel %.40q is not a word", ConfigFile, c.Channel)
	}
	return nil
}

// SaveConfig replaces config.json.
func (p *Pack) SaveConfig(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	return p.root.WriteFile(ConfigFile, indented(configFile{1, c}), privateFile)
}
