package depot

import (
	"fmt"

	"packlift/bundle"
	"packlift/internal/manifest"
)

// IndexName is the file that says what is published.
const IndexName = "index.json"

const lockName = "lock"

// Folder is where a product's files lie in the depot.
func Folder(product, version string) string { return product + "-" + version }

func signatureName(index manifest.Digest, n int) string {
	return fmt.Sprintf("signatures/%s.%02d.sig", index, n)
}

func manifestName(d manifest.Digest) string { return "manifest/" + d.String() + ".json.xz" }

func objectsName(d manifest.Digest) string { return "objects/" + d.String() + ".json.xz" }

func advisoryName(d manifest.Digest) string { return "advisory/" + d.String() + ".json" }

func blobName(d manifest.Digest) string {
	s := d.String()
	return "blob/" + s[:2] + "/" + s + ".xz"
}

func deltaName(d manifest.Digest) string {
	s := d.String()
	return "delta/" + s[:2] + "/" + s + ".xz"
}

// objectName is the file of an object.
func objectName(o *manifest.Object) string {
	if o.Delta != nil {
		return deltaName(o.Delta.SHA256)
	}
	return blobName(o.SHA256)
}

// FileName is how a tool is called where it lies: packlift-import_linux_amd64.
func (t *Tool) FileName() string {
	if t.Name == Importer {
		return bundle.ToolName(t.OS, t.Arch)
	}
	name := t.Name + "_" + t.OS + "_" + t.Arch
	if t.OS == "windows" {
		name += ".exe"
	}
	return name
}

func (t *Tool) place() string { return "tools/" + t.SHA256.String() + "/" + t.FileName() }

func (t *Tool) fileName() string { return t.place() + ".xz" }

func (t *Tool) statementName() string {
	return t.place() + "." + t.Statement.SHA256.String()[:16] + ".statement"
}

func (t *Tool) signatureName(i int) string {
	return t.place() + "." + t.Signatures[i].SHA256.String()[:16] + ".sig"
}
