#!/bin/sh
# From a base pack to an updated one: unzip, update from a depot, zip.
#
#   pipeline.sh BASE.zip OUT.zip [FLAG…]
#
# Each FLAG goes on to packlift-export update: --ours 'conf/**', --level 10, --ca FILE.
#
# DEPOT      the depot: folder or URL
# TRUST      the trust set's folder
# PRODUCT    NAME-VERSION, and
# LEVEL      the level of BASE.zip (default 0): where it is no pack yet
# CHANNEL    the channel (default: the pack's, or full)
# PACKLIFT_USERNAME, PACKLIFT_PASSWORD or PACKLIFT_TOKEN reach a depot that asks for them.
#
# OUT.zip is put in place whole, or not at all. Exit code 2 of a tool means that it
# replaced itself: the same command is run again, three times at most.
set -eu
base=$1 out=$2
shift 2
case $out in /*) ;; *) out=$PWD/$out ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work" "$out.part"' EXIT
trap 'exit 130' INT TERM

again() {
	tries=0
	while :; do
		code=0
		"$@" || code=$?
		tries=$((tries + 1))
		if [ "$code" -ne 2 ] || [ "$tries" -ge 3 ]; then
			return "$code"
		fi
	done
}

unzip -q "$base" -d "$work/tree"
pack=$work/tree
if [ "$(ls -A "$pack" | wc -l)" -eq 1 ] && [ -d "$pack/$(ls -A "$pack")" ]; then
	pack=$pack/$(ls -A "$pack") # the single top folder
fi
if [ ! -f "$pack/updates/packlift/state.json" ]; then
	packlift-import init --pack "$pack" --product "$PRODUCT" --level "${LEVEL:-0}" --trust "$TRUST" --yes
fi
again packlift-export update "$pack" --depot "$DEPOT" --trust "$TRUST" --no-backup --yes --self-update exit ${CHANNEL:+--channel "$CHANNEL"} "$@"
rm -f "$out.part"
(cd "$work/tree" && zip -qry "$out.part" .)
mv "$out.part" "$out"
