//go:build man

package cli

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"packlift/internal/rootfs"
	"packlift/internal/version"
)

// packagers' commands: the man pages written into a folder. Cobra's generator
// brings Markdown and YAML readers along, a tenth of the importer that travels in
// every bundle, so only the build that `make dist` asks for the pages has it.
func packagers() []*cobra.Command {
	return []*cobra.Command{{
		Use: "man DIR", Short: "Write the man pages into DIR", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			dir, err := rootfs.MkdirAllOpen(args[0], 0o755)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, dir.Close()) }()
			asMarkdown(cmd.Root())
			return manPages(cmd.Root(), func(name string, page []byte) error {
				return dir.WriteFile(name, page, 0o644)
			})
		},
	}}
}

// manPages gives the page of cmd and of each command below it. The date is the
// release's, so that the same source gives the same pages.
func manPages(cmd *cobra.Command, write func(name string, page []byte) error) error {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	date, err := time.Parse(time.DateOnly, version.Get().Date)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	var page bytes.Buffer
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &date, Source: "packlift " + version.Current(), Manual: "packlift"}
	if err := doc.GenMan(cmd, header, &page); err != nil {
		return err
	}
	if err := write(name+".1", mended(cmd, page.Bytes())); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := manPages(sub, write); err != nil {
			return err
		}
	}
	return nil
}
