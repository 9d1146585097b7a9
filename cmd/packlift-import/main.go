// Command packlift-import runs at a site without a network: it makes a product
// tree a pack, verifies bundles, applies and reverts them.
package main

import (
	"packlift/cmd/internal/site"
	"packlift/internal/cli"
)

const long = `packlift-import brings a product pack from level to level with the bundles that
packlift-export makes. It verifies a bundle before it looks into it, and whatever
happens the pack is on the old level or on the new one.

  packlift-import keygen -o ~/.packlift/identity
  packlift-import init --pack DIR --product wso2am-4.2.0 --level 3 --trust trust
  packlift-import verify BUNDLE
  packlift-import apply-update BUNDLE
  packlift-import revert`

func main() {
	cli.Main(cli.Tool{Name: "packlift-import", Short: "Apply updates to isolated product packs", Long: long, Commands: site.Commands})
}
