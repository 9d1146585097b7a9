#!/usr/bin/env bash
# Install the stock tools that the tests compare packlift with, where that is possible; name what stays missing.
# The tests that need a missing tool skip themselves and print why.
set -u
declare -A package=([mkfs.ext4]=e2fsprogs [mkfs.xfs]=xfsprogs [mkfs.btrfs]=btrfs-progs [setfacl]=acl [setfattr]=attr [age]=age [age-keygen]=age [xz]=xz-utils [ssh-keygen]=openssh-client [ssh-agent]=openssh-client [openssl]=openssl [tar]=tar)
missing() { for tool in "${!package[@]}"; do command -v "$tool" >/dev/null 2>&1 || echo "${package[$tool]}"; done | sort -u; }
want=$(missing)
[ -n "$want" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing: $(echo $want)"
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $want; } </dev/null >/dev/null 2>&1 || true
fi
left=$(missing)
[ -z "$left" ] || echo "not installed, and the tests that need them are skipped: $(echo $left)"
exit 0
