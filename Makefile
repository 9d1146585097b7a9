# packlift: build, check and show. `make demo` and `make test` are where to begin.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VERSION ?= 1.3.0
DATE    ?= 2026-11-21
BIN     ?= bin
TAGS    ?=
GO      ?= go
# The script that lays real product trees.
PACKS    ?= ../shared/packs.sh
# Of `make bench`: runs a figure is the median of; words that choose transitions and peers; WRITE=1 fills docs/benchmarks.md.
RUNS     ?= 3
ONLY     ?=
PEERS    ?=
WRITE    ?=
# Of `make bench-scale`: 1 is 100 000 files and 10 GiB; where the trees lie.
SCALE    ?= 1
SCRATCH  ?=
FUZZTIME ?= 20s
# How many random kills of a real pack have to land.
KILLS    ?= 100

export CGO_ENABLED = 0
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
LDFLAGS   := -s -w -buildid= -X 'packlift/internal/version.marker=packlift-tool-version:$(VERSION);' -X packlift/internal/version.date=$(DATE)
BUILD     := $(GO) build -trimpath -buildvcs=false -tags "$(TAGS)" -ldflags "$(LDFLAGS)"
ABSPACKS   = $(abspath $(PACKS))
# Patterns pass testdata by, so its generator is named.
ALL := ./... ./testdata/vectorgen

.PHONY: build demo test check check-full bench bench-scale fuzz vectors dist clean
.PHONY: needs fmt vet lint cross race failpoints disks realpacks

build: ## both binaries into BIN, with VERSION
	@mkdir -p "$(BIN)"
	$(BUILD) -o "$(BIN)/" ./cmd/packlift-export ./cmd/packlift-import

demo: ## both sides of an air gap played through with a small product
	@$(GO) run ./internal/demo

needs:
	@bash .ci/needs.sh

test: needs ## every test
	$(GO) test -timeout 20m $(ALL)

fmt:
	@echo "gofmt -l ."; list=$$(gofmt -l .); [ -z "$$list" ] || { echo "not formatted: $$list"; exit 1; }

vet:
	$(GO) vet $(ALL)
	$(GO) vet -tags failpoint,format2,realpacks,disks,man ./...

lint:
	$(GO) tool staticcheck $(ALL)

cross: ## every platform compiles; the tests too on the systems that differ most
	@for p in $(PLATFORMS); do echo "build $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./...; done
	@for p in windows/amd64 darwin/arm64; do echo "vet $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./...; done

check: fmt vet lint test cross ## what every change passes, under ten minutes

race: ## the race detector, which needs cgo; the acceptance tests run built binaries, which it does not see; what has no goroutines is left out, the codecs without one are not instrumented
	@if CGO_ENABLED=1 $(GO) env CC | xargs -r which >/dev/null 2>&1; then \
	  CGO_ENABLED=1 $(GO) test -race -timeout 15m $(foreach p,lzma2 delta/bytediff delta/deflate delta/inflate,-gcflags='packlift/bundle/$(p)=-race=false') $$($(GO) list ./... | grep -vE '/acceptance|internal/bench|/lzma2|bundle/delta/|/merge|/tarball|/sshsig'); \
	else echo "race: skipped, no C compiler on this machine"; fi

failpoints: needs ## the tests that stop a run before each file effect; second deaths and errors as samples, PACKLIFT_DEATHS=all takes all
	@names=$$(grep -lE '^//go:build failpoint' internal/{rootfs,pack,export}/*_test.go {apply,selfupdate}/*_test.go | xargs sed -nE 's/^func (Test[A-Za-z0-9_]*)\(t .*/\1/p' | paste -sd'|'); \
	  $(GO) test -tags failpoint -timeout 25m -run "^($$names)\$$" ./internal/rootfs ./internal/pack ./internal/export ./apply ./selfupdate
	$(GO) test -tags failpoint -timeout 15m -run TestHooked ./internal/acceptance

# A mount namespace of its own: a test that is killed leaves no mount behind.
OWN_MOUNTS := $(shell [ "$$(id -u)" = 0 ] && unshare -m --propagation private true 2>/dev/null && echo unshare -m --propagation private)

disks: needs ## power cuts, full disks and odd file systems, on real ones; needs root and loop devices. A sample: PACKLIFT_POWERCUTS=all and PACKLIFT_DISKS=all take all
	PACKS="$(ABSPACKS)" $(OWN_MOUNTS) $(GO) test -tags failpoint,disks,realpacks -count=1 -timeout 20m -v -run 'TestPowerCut|TestDisk' ./apply ./internal/acceptance | grep -vE '^=== |^ *--- PASS'

realpacks: needs ## real products through the built binaries, stock tools among them
	PACKS="$(ABSPACKS)" PACKLIFT_KILLS="$(KILLS)" $(GO) test -tags realpacks -count=1 -v -timeout 20m -run 'TestRealPack|TestStockToolsRealPack|TestRealDepot' ./internal/acceptance

check-full: check race failpoints realpacks disks demo ## everything, power cuts, disks and second deaths as samples, under thirty minutes

BENCH = PACKS="$(ABSPACKS)" $(GO) run ./internal/bench -runs "$(RUNS)" -dir "$(SCRATCH)" $(if $(WRITE),-write docs/benchmarks.md)

bench: ## sizes, times and memory beside zip, xz, zstd, xdelta3, bsdiff, ostree and openssl, of depots beside rsync and wget; ONLY=depot or ONLY=esbuild PEERS=zstd,xdelta3 RUNS=1 choose, WRITE=1 fills docs/benchmarks.md
	@bash .ci/needs.sh bench
	@$(BENCH) -only "$(ONLY)" -peers "$(PEERS)"

bench-scale: ## both sides on made trees, a tenth of 100 000 files and 10 GiB, then all; needs 36 GiB times SCALE
	@$(BENCH) -scale "$(SCALE)"

fuzz: ## each fuzz target for FUZZTIME
	@grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do \
	  for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
	    echo "fuzz $$(dirname "$$file") $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$(dirname "$$file")"; done; done

vectors: ## write testdata/vectors anew; the result is the same bytes
	$(GO) test ./testdata/vectorgen -count=1 -write -v

dist: ## archives of every platform, dist/tools and dist/SHA256SUMS
	@rm -rf dist
	@for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} $(MAKE) build BIN="dist/build/$${p%/*}_$${p#*/}"; done
	@$(MAKE) build TAGS=man BIN=dist/build/host
	@for t in export import; do mkdir -p dist/build/man dist/build/completions; \
	  dist/build/host/packlift-$$t man dist/build/man; \
	  for s in bash zsh fish powershell; do dist/build/host/packlift-$$t completion $$s > "dist/build/completions/packlift-$$t.$$s"; done; done
	@$(GO) run ./internal/release -version "$(VERSION)" -date "$(DATE)" -builds dist/build -out dist
	@rm -rf dist/build
	@cat dist/SHA256SUMS

clean:
	rm -rf bin dist
