#!/usr/bin/env bash
# Install the stock tools that the tests compare packlift with, where that is possible; name what stays missing.
# The tests that need a missing tool skip themselves and print why. `needs.sh bench`: what `make bench` measures beside packlift.
set -u
declare -A package=([strace]=strace [mkfs.ext4]=e2fsprogs [mkfs.xfs]=xfsprogs [mkfs.btrfs]=btrfs-progs [setfacl]=acl [setfattr]=attr [age]=age [age-keygen]=age [xz]=xz-utils [ssh-keygen]=openssh-client [ssh-agent]=openssh-client [openssl]=openssl [tar]=tar [nginx]=nginx-light [htpasswd]=apache2-utils [tinyproxy]=tinyproxy [squid]=squid [mandoc]=mandoc)
if [ "${1:-}" = bench ]; then
  package=([age]=age [xz]=xz-utils [openssl]=openssl [tar]=tar [zip]=zip [unzip]=unzip [zstd]=zstd [xdelta3]=xdelta3 [bsdiff]=bsdiff [bspatch]=bsdiff [ostree]=ostree [nginx]=nginx-light [rsync]=rsync [wget]=wget)
fi
missing() { for tool in "${!package[@]}"; do command -v "$tool" >/dev/null 2>&1 || echo "${package[$tool]}"; done | sort -u; }
want=$(missing)
[ -n "$want" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing: $(echo $want)"
  # RUNLEVEL: a server that is installed for tests is not started.
  # The lists that are there may serve where they cannot be fetched anew, for want of a network or because another process does so.
  net="-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1"
  { export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    apt-get update -qq $net; apt-get install -y -qq $net -o DPkg::Lock::Timeout=120 --no-install-recommends $want; } </dev/null >/dev/null 2>&1 || true
fi
left=$(missing)
[ -z "$left" ] || echo "not installed, and what needs them is left out: $(echo $left)"
exit 0
