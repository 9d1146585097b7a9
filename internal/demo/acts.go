package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	product = "acme-gateway-2.1.0"
	bundle  = "stick/acme-gateway-2.1.0-0000-0010.packlift"
	pack    = "site/acme-gateway-2.1.0"
)

// build makes the tools of the release and an importer of the one before, and
// lays both versions of the product.
func build(s *stage) error {
	s.title("Building the tools 1.3.0, and an importer 1.2.0 for the site")
	for version, dir := range map[string]string{"1.2.0": "old", "1.3.0": "new"} {
		cmd := exec.Command("make", "--no-print-directory", "build", "VERSION="+version, "BIN="+filepath.Join(s.work, dir))
		cmd.Dir = s.top
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make build VERSION=%s: %w\n%s", version, err, out)
		}
	}
	for _, dir := range []string{"vendor/tools", "stick", "site"} {
		if err := os.MkdirAll(filepath.Join(s.work, dir), 0o755); err != nil {
			return err
		}
	}
	tool := "packlift-import_" + runtime.GOOS + "_" + runtime.GOARCH + exe()
	for _, step := range []func() error{
		func() error { return lay(oldTree, filepath.Join(s.work, "vendor/level-0")) },
		func() error { return lay(newTree, filepath.Join(s.work, "vendor/level-10")) },
		func() error { return lay(oldTree, filepath.Join(s.work, pack)) },
		func() error { return s.copy("new/packlift-import"+exe(), "vendor/tools/"+tool) },
		func() error { return s.copy("old/packlift-import"+exe(), pack+"/bin/packlift-import"+exe()) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// copy copies one file within the stage, executable.
func (s *stage) copy(from, to string) error {
	data, err := os.ReadFile(filepath.Join(s.work, from))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.work, to), data, 0o755)
}

// meet is done once: keys, a trust set, and the site's pack.
func meet(s *stage) error {
	s.title("1. Once, before the first update")
	s.say("The vendor has a signing key, and the site one of its own: no update gets in without both.")
	if err := s.all(
		"packlift-export keygen --name vendor -o vendor/keys",
		"packlift-export keygen --name site -o site/keys",
		"packlift-export trust new --signer vendor=vendor/keys/vendor.pub --signer site=site/keys/site.pub"+
			" --role vendor=vendor --role site=site"+
			" --policy packlift-bundle@v1=vendor:1,site:1 --policy packlift-tool@v1=vendor:1 -o trust"); err != nil {
		return err
	}
	s.say("The site's identity opens what is encrypted to it; only the recipient goes out.")
	out, err := s.do(0, "packlift-import keygen -o site/identity")
	if err != nil {
		return err
	}
	for word := range strings.FieldsSeq(out) {
		if strings.HasPrefix(word, "age1") {
			s.recipient = word
		}
	}
	if s.recipient == "" {
		return fmt.Errorf("keygen printed no recipient")
	}
	s.say("The site's product becomes a pack. Its importer is an old one.")
	return s.all(
		pack+"/bin/packlift-import version",
		pack+"/bin/packlift-import init --pack "+pack+" --product "+product+" --level 0 --trust trust --yes",
		pack+"/bin/packlift-import current-state --pack "+pack)
}

// create is the release engineer's part.
func create(s *stage) error {
	s.title("2. The vendor, connected: one file with the update and the newest importer")
	return s.all("packlift-export create-update --from vendor/level-0 --to vendor/level-10 --product " + product + " -s 0 -e 10" +
		" -r $RECIPIENT --sign-key vendor/keys/vendor --tools vendor/tools -o " + bundle)
}

// carry is the check at the gate: refused with one signature, let in with two.
func carry(s *stage) error {
	s.title("3. The gate: one signature is not enough; the site's officer adds the second")
	if _, err := s.do(11, "packlift-import verify --trust trust "+bundle); err != nil {
		return err
	}
	return s.all(
		"packlift-export sign --sign-key site/keys/site "+bundle,
		"packlift-import verify --trust trust -i site/identity "+bundle,
		"packlift-import inspect --trust trust "+bundle)
}

// check is the auditor's part: the same with tools that packlift did not bring.
func check(s *stage) error {
	s.title("4. The auditor: the same with tar, ssh-keygen, sha256sum, age and xz alone")
	for _, tool := range []string{"tar", "ssh-keygen", "sha256sum", "age", "xz"} {
		if _, err := exec.LookPath(tool); err != nil {
			s.say("left out: " + tool + " is not installed")
			return nil
		}
	}
	return s.all("docs/verify-with-stock-tools.sh " + bundle + " trust site/identity")
}

// apply is the operator's part: one command, although the importer is too old.
func apply(s *stage) error {
	s.title("5. The site, isolated: the old importer replaces itself and applies, in one command")
	tool := pack + "/bin/packlift-import "
	if err := s.all(
		tool+"apply-update "+bundle+" -i site/identity --dry-run",
		tool+"apply-update "+bundle+" -i site/identity",
		tool+"version",
		tool+"current-state",
		tool+"verify-pack",
		tool+"log verify",
		"cat "+pack+"/updates/changelog-0000-0010.md",
		pack+"/bin/health.sh"); err != nil {
		return err
	}
	s.say("The tree is the vendor's level 10, byte for byte.")
	if err := same(filepath.Join(s.work, "vendor/level-10"), filepath.Join(s.work, pack)); err != nil {
		return err
	}
	s.say("A second run finds nothing to do.")
	return s.all(tool + "apply-update " + bundle + " -i site/identity")
}

// refuse shows one byte changed on the stick.
func refuse(s *stage) error {
	s.title("6. One byte changed on the stick")
	full := filepath.Join(s.work, bundle)
	data, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(full, data, 0o644); err != nil {
		return err
	}
	_, err = s.do(10, pack+"/bin/packlift-import verify "+bundle)
	return err
}

// revert takes the update back.
func revert(s *stage) error {
	s.title("7. Taking it back")
	tool := pack + "/bin/packlift-import "
	if _, err := s.do(4, tool+"revert"); err != nil {
		return err
	}
	if err := s.all(tool+"current-state", tool+"log verify"); err != nil {
		return err
	}
	return same(filepath.Join(s.work, "vendor/level-0"), filepath.Join(s.work, pack))
}
