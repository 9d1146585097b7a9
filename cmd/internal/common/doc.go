// Package common holds the commands that both tools have: verify, inspect and
// version, and what these and the tools' own commands read alike (bundles,
// trust sets, identities).
package common
