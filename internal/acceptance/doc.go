// Package acceptance holds the tests that see packlift as its users do: two
// built binaries, folders, files and exit codes, beside the stock tools.
//
// It builds the binaries with `make build` once a run, into a temporary
// folder. Tests of real products stand behind the build tag realpacks and need
// the script that PACKS names; where it or a stock tool is missing they skip
// and print why.
package acceptance
