// Command packlift-export runs where there is a network: it makes keys, trust
// sets and bundles, and checks and countersigns bundles.
package main

import (
	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
)

const long = `packlift-export makes one signed, encrypted file of a product's update, the
bundle, which packlift-import applies where there is no network.

  packlift-export keygen --name vendor -o keys
  packlift-export trust new --signer vendor=keys/vendor.pub -o trust
  packlift-export create-update --from OLD --to NEW --product wso2am-4.2.0 -s 3 -e 10 \
      -r age1… --sign-key keys/vendor --trust trust -o stick/`

const environment = `

SSH_AUTH_SOCK names the ssh agent that holds signing keys. SOURCE_DATE_EPOCH is the time of creation that a
bundle states, in seconds since 1970. PACKLIFT_TOKEN is a depot's bearer token; UPDATE_TOOL_USERNAME and
UPDATE_TOOL_PASSWORD are its credentials where nothing else gives any. HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in
small letters as well, name proxies, and what is reached without.
XDG_CACHE_HOME is where what was fetched and packed is kept for the next run.`

var commands = []cli.Command{
	{Name: "create-update", New: createUpdate},
	{Name: "create-hotfix", New: createHotfix},
	{Name: "publish", New: publish},
	{Name: "depot", New: depotCommand},
	{Name: "check", New: check},
	{Name: "update", New: update},
	{Name: "diff", New: diff},
	{Name: "get-summary", New: getSummary},
	{Name: "keygen", New: keygen},
	{Name: "trust", New: trust},
	{Name: "sign", New: sign},
	{Name: "verify", New: func(c *cli.Console) *cobra.Command { return common.Verify(c, nil) }},
	{Name: "inspect", New: func(c *cli.Console) *cobra.Command { return common.Inspect(c, nil) }},
	{Name: "version", New: common.Version},
}

func main() {
	cli.Main(cli.Tool{Name: "packlift-export", Short: "Make updates for isolated product packs", Long: long, Environment: environment, Commands: commands})
}
