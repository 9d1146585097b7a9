#!/bin/sh
# Verify a packlift bundle with stock tools alone: tar, ssh-keygen, sha256sum, age, xz, and awk, sed, grep.
#
#   verify-with-stock-tools.sh BUNDLE TRUST_DIR [IDENTITY] [OUTDIR]
#
# TRUST_DIR holds allowed_signers, policy.json and revoked_keys.
# IDENTITY is an age identity file or an SSH private key; "-" asks for the bundle's passphrase; without it what is
# encrypted stays closed. OUTDIR (must not exist) keeps what was extracted; without it a temporary folder is used and removed.
#
# Windows of validity in allowed_signers are judged at the bundle's signed date of creation.
# Order: the list of members, then the signatures, then extraction and digests, then what is inside.
# Each check prints one line. Exit: 0 all passed, 1 a check failed, 64 usage.
# Signatures in BUNDLE.sigs/*.sig count like those inside.
set -u
LC_ALL=C; export LC_ALL
umask 077

[ $# -ge 2 ] && [ $# -le 4 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 64; }
bundle=$1 trust=$2 identity=${3-} outdir=${4-}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
passed() { printf 'passed  %s\n' "$*"; }
failed() { printf 'FAILED  %s\n' "$*"; exit 1; }

# ssh-keygen does nothing for a user that the system does not know.
case $(ssh-keygen -lf /dev/null 2>&1) in
"No user exists"*) failed "ssh-keygen: this user ($(id -u)) has no name on this machine; run it as one that has" ;;
esac
[ -f "$bundle" ] || failed "bundle: $bundle is not a file"
for file in allowed_signers policy.json revoked_keys; do
  [ -f "$trust/$file" ] || failed "trust set: $trust/$file is not there"
done
if [ -n "$outdir" ]; then
  mkdir "$outdir" || failed "output: cannot make $outdir"
else
  outdir=$work/out; mkdir "$outdir"
fi

# flatten FILE: each value of a JSON document as a line "/key/key<TAB>value"; list items repeat their list's path.
flatten() {
  awk '
    { text = text $0 "\n" }
    function bad() { print "not JSON" > "/dev/stderr"; dead = 1; exit 1 }
    function skip() { while (substr(text, at, 1) ~ /^[ \t\r\n]$/) at++ }
    function string(   from, c) {
      if (substr(text, at, 1) != "\"") bad()
      from = ++at
      while ((c = substr(text, at, 1)) != "\"") { if (c == "") bad(); at += (c == "\\") ? 2 : 1 }
      at++
      return substr(text, from, at - 1 - from)
    }
    function members(path, close_,   key, c) {
      at++; skip()
      if (substr(text, at, 1) == close_) { at++; return }
      for (;;) {
        skip(); key = ""
        if (close_ == "}") { key = "/" string(); skip(); if (substr(text, at, 1) != ":") bad(); at++ }
        value(path key); skip()
        c = substr(text, at, 1); at++
        if (c == close_) return
        if (c != ",") bad()
      }
    }
    function value(path,   c, from) {
      skip(); c = substr(text, at, 1)
      if (c == "{") members(path, "}")
      else if (c == "[") members(path, "]")
      else if (c == "\"") print path "\t" string()
      else {
        from = at
        while (substr(text, at, 1) ~ /^[-+.0-9A-Za-z]$/) at++
        if (at == from) bad()
        print path "\t" substr(text, from, at - from)
      }
    }
    END { if (dead) exit 1; at = 1; value(""); skip(); if (at <= length(text)) bad() }
  ' "$1"
}
# get FLAT PATH: the values at a path.
get() { awk -F '\t' -v path="$2" '$1 == path { print $2 }' "$1"; }

flatten "$trust/policy.json" > "$work/policy" || failed "trust set: policy.json is not JSON"

# 1. The members: exactly these names, in this order, all plain files, nothing behind the end.
tar -tvf "$bundle" > "$work/listing" 2> "$work/errors" || failed "members: tar cannot read the bundle: $(head -1 "$work/errors")"
[ -s "$work/errors" ] && failed "members: $(head -1 "$work/errors")"
awk '{ print $NF }' "$work/listing" > "$work/members"
printf '%s\n' MANIFEST.json SHA256SUMS tools.tar.xz.age levels.tar.xz.age payload.tar.xz.age PIECES.json > "$work/expected"
signatures=$(grep -c '^sig/' "$work/members")
[ "$signatures" -ge 1 ] && [ "$signatures" -le 32 ] || failed "members: $signatures signatures, want 1 to 32"
i=1
while [ $i -le "$signatures" ]; do printf 'sig/%02d.sig\n' $i; i=$((i + 1)); done >> "$work/expected"
cmp -s "$work/members" "$work/expected" || failed "members: the list is $(tr '\n' ' ' < "$work/members")"
grep -qv '^-rw-r--r-- 0/0 ' "$work/listing" && failed "members: one is not a plain file of mode 0644 and owner 0"
size=$(wc -c < "$bundle")
want=$(awk '{ n += 512 + int(($3 + 511) / 512) * 512 } END { printf "%.0f", n + 1024 }' "$work/listing")
[ "$size" -eq "$want" ] || failed "members: the file has $size bytes, its members make $want"
passed "members: $(wc -l < "$work/members" | tr -d ' ') in the right order, nothing else"

# 2. The signatures over SHA256SUMS, before anything else is looked into.
tar -xOf "$bundle" SHA256SUMS > "$work/SHA256SUMS" || failed "signatures: cannot read SHA256SUMS"
mkdir "$work/sigs"
i=1
while [ $i -le "$signatures" ]; do
  n=$(printf '%02d' $i)
  tar -xOf "$bundle" "sig/$n.sig" > "$work/sigs/$n.sig" || failed "signatures: cannot read sig/$n.sig"
  i=$((i + 1))
done
for file in "$bundle.sigs"/*.sig; do
  [ -f "$file" ] && cp "$file" "$work/sigs/detached-$(basename "$file")"
done

# fingerprints FILE: of the public keys in it, one a line.
fingerprints() {
  awk '!/^[ \t]*(#|$)/' "$1" | sed -nE 's/.*((ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+\/=]+).*/\1/p' |
    while read -r key; do printf '%s\n' "$key" | ssh-keygen -lf -; done | awk '{ print $2 }'
}
fingerprints "$trust/revoked_keys" > "$work/revoked"
fingerprints "$trust/allowed_signers" | grep -vxF -f "$work/revoked" > "$work/known"

# judge NAMESPACE MESSAGE TIME SIG...: each signature that verifies under a key of the trust set at TIME (YYYYMMDDHHMMSSZ;
# "any": as if for ever) gives a line "fingerprint principal" in $work/signers. A damaged signature fails at once.
judge() {
  namespace=$1 message=$2 time=$3; shift 3
  : > "$work/signers"
  for sig in "$@"; do
    name=$(basename "$sig")
    good=$(ssh-keygen -Y check-novalidate -n "$namespace" -s "$sig" < "$message" 2>&1) ||
      failed "signatures: $name does not fit: $(printf '%s' "$good" | head -1)"
    key=$(printf '%s\n' "$good" | sed -n 's/.* key \(SHA256:[A-Za-z0-9+\/]*\).*/\1/p')
    if ! grep -qxF "$key" "$work/known"; then
      [ "$time" = any ] || echo "        $name: key $key is revoked or not in the trust set, not counted"
      continue
    fi
    if [ "$time" = any ]; then echo "$key -" >> "$work/signers"; continue; fi
    principal=$(ssh-keygen -Y find-principals -Overify-time="$time" -s "$sig" -f "$trust/allowed_signers" 2>/dev/null | head -1)
    [ -n "$principal" ] || { echo "        $name: key $key is not valid at $time, not counted"; continue; }
    if good=$(ssh-keygen -Y verify -f "$trust/allowed_signers" -I "$principal" -n "$namespace" -r "$trust/revoked_keys" -Overify-time="$time" -s "$sig" < "$message" 2>&1); then
      echo "        $name: $good"
      echo "$key $principal" >> "$work/signers"
    else
      echo "        $name: $principal is refused: $(printf '%s' "$good" | head -1)"
    fi
  done
  sort -u -k1,1 "$work/signers" > "$work/distinct" # keys count, not signatures
}

# require NAMESPACE WHAT: the policy's roles and counts over $work/distinct.
require() {
  awk -F '\t' -v prefix="/namespaces/$1/" 'index($1, prefix) == 1 { print substr($1, length(prefix) + 1), $2 }' "$work/policy" > "$work/rules"
  [ -s "$work/rules" ] || failed "$2: the policy says nothing about $1"
  told=
  while read -r role count; do
    [ "$count" -ge 1 ] || failed "$2: the policy asks for $count of role $role"
    if [ "$role" = any ]; then cut -d' ' -f2 "$work/distinct"; else get "$work/policy" "/roles/$role"; fi > "$work/role"
    have=$(awk 'NR == FNR { member[$1]; next } $2 in member { n++ } END { print n + 0 }' "$work/role" "$work/distinct")
    [ "$have" -ge "$count" ] || failed "$2: $have of $count signatures of role $role"
    told="$told, $have of $count $role"
  done < "$work/rules"
  passed "$2: ${told#, } (policy of $1)"
}

judge packlift-bundle@v1 "$work/SHA256SUMS" any "$work/sigs"/*.sig
[ -s "$work/signers" ] || failed "signatures: none by a key of the trust set"

# The manifest is what a known key signed if its digest is the signed one; its date is when windows of validity are judged.
tar -xOf "$bundle" MANIFEST.json > "$work/MANIFEST.json" || failed "digests: cannot read MANIFEST.json"
(cd "$work" && grep ' MANIFEST\.json$' SHA256SUMS | sha256sum -c --strict --quiet) > /dev/null 2>&1 || failed "digests: MANIFEST.json is not the signed one"
flatten "$work/MANIFEST.json" > "$work/manifest" || failed "manifest: not JSON"
created=$(get "$work/manifest" /created)
time=$(printf '%s' "$created" | sed -nE 's/^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z$/\1\2\3\4\5\6Z/p')
[ -n "$time" ] || failed "manifest: the date of creation is $created"
judge packlift-bundle@v1 "$work/SHA256SUMS" "$time" "$work/sigs"/*.sig
require packlift-bundle@v1 signatures
name=$(get "$work/manifest" /product) version=$(get "$work/manifest" /version)
get "$work/policy" /products > "$work/products"
if [ -s "$work/products" ] && ! grep -qxF -e "$name" -e "$name-$version" "$work/products"; then
  failed "signatures: the policy does not speak for $name-$version"
fi

# 3. Extraction and every digest.
tar -xf "$bundle" -C "$outdir" --no-same-owner || failed "digests: tar cannot extract"
grep -v -e '^SHA256SUMS$' -e '^sig/' "$work/members" > "$work/listed"
sed 's/^[0-9a-f]\{64\}  //' "$outdir/SHA256SUMS" | cmp -s - "$work/listed" || failed "digests: SHA256SUMS does not list exactly the other members"
cmp -s "$work/SHA256SUMS" "$outdir/SHA256SUMS" || failed "digests: SHA256SUMS changed while it was read"
(cd "$outdir" && sha256sum -c --strict --quiet SHA256SUMS) > "$work/sums" 2>&1 || { cat "$work/sums"; failed "digests: see above"; }
passed "digests: $(wc -l < "$work/listed" | tr -d ' ') members are the signed ones"
echo "        $name-$version, $(get "$work/manifest" /kind), levels $(get "$work/manifest" /levels/start) to $(get "$work/manifest" /levels/end), created $created, bundle id $(get "$work/manifest" /id)"

if [ -z "$identity" ]; then
  echo "not checked: what is inside the parts (no identity given)"
  exit 0
fi

# 4. What is inside.
# open_part NAME: lists a part with tar -tv, then extracts it to OUTDIR/NAME.
open_part() {
  part=$1
  for step in list extract; do
    if [ "$identity" = - ]; then set -- ; else set -- -i "$identity"; fi
    if [ $step = list ]; then
      { age -d "$@" "$outdir/$part.tar.xz.age" || echo age > "$work/broken"; } | { xz -dc || echo xz > "$work/broken"; } |
        { tar -tvf - || echo tar > "$work/broken"; } > "$work/inside" 2> "$work/errors"
      [ -f "$work/broken" ] && failed "$part: $(cat "$work/broken") refuses: $(head -1 "$work/errors")"
      grep -qv '^-rw-r--r-- 0/0 ' "$work/inside" && failed "$part: holds something else than plain files"
      awk '{ print $NF }' "$work/inside" > "$work/names"
      grep -qEv '^[A-Za-z0-9_][A-Za-z0-9_./-]*$' "$work/names" && failed "$part: holds an unexpected name"
      grep -qE '(^|/)\.\.?(/|$)' "$work/names" && failed "$part: holds a name that climbs"
      [ "$(sort "$work/names" | uniq -d | wc -l)" -eq 0 ] || failed "$part: holds a name twice"
      sed 's/^/        /' "$work/inside"
    else
      mkdir "$outdir/$part"
      { age -d "$@" "$outdir/$part.tar.xz.age" | xz -dc | tar -xf - -C "$outdir/$part" --no-same-owner; } || failed "$part: tar cannot extract"
    fi
  done
  passed "$part: $(wc -l < "$work/names" | tr -d ' ') files extracted"
}

open_part tools
for statement in "$outdir/tools"/*.statement; do
  [ -f "$statement" ] || continue
  binary=${statement%.statement}
  flatten "$statement" > "$work/statement" || failed "tools: $(basename "$statement") is not JSON"
  [ "$(sha256sum < "$binary" | cut -c1-64)" = "$(get "$work/statement" /sha256)" ] || failed "tools: $(basename "$binary") is not what its statement says"
  judge packlift-tool@v1 "$statement" "$time" "$binary".[0-9][0-9].sig
  require packlift-tool@v1 "tools: $(basename "$binary") version $(get "$work/statement" /version)"
done

open_part levels
base=$(get "$work/manifest" /base_manifest) target=$(get "$work/manifest" /target_manifest)
for file in "$outdir/levels/manifest"/*.json; do
  digest=$(sha256sum < "$file" | cut -c1-64)
  [ "$digest" = "$base" ] || [ "$digest" = "$target" ] || failed "levels: $(basename "$file") is not the signed manifest of a level"
done
# Differences lead from stop to stop: from the base, by the levels between, to the target.
from=$base
set -- $(get "$work/manifest" /between/manifest) "$target"
for file in "$outdir/levels/difference"/*.json; do
  [ -f "$file" ] || continue
  { [ $# -gt 0 ] && head -1 "$file" | grep -F "\"from_sha256\":\"$from\"" | grep -qF "\"to_sha256\":\"$1\""; } ||
    failed "levels: $(basename "$file") does not lead from one signed manifest to the next"
  from=$1; shift
done
[ $# -eq 0 ] || [ "$(get "$work/manifest" /kind)" = full ] || failed "levels: a difference is missing"
passed "levels: the manifests are those that MANIFEST.json names"

open_part payload
for kind in blob delta; do
  { [ ! -d "$outdir/payload/$kind" ] || find "$outdir/payload/$kind" -type f; } | sed 's|.*/||' | sort > "$work/$kind"
done
(cd "$outdir/payload" && sed 's|.*|&  blob/&|' "$work/blob" > "$work/sums.blob" && { [ ! -s "$work/blob" ] || sha256sum -c --strict --quiet "$work/sums.blob"; }) > "$work/sums" 2>&1 ||
  { cat "$work/sums"; failed "payload: a blob's content is not its name"; }
{ grep -hE '^\{"sha256":' "$outdir/levels/contents"/*.json || true; } > "$work/items"
{ grep -v '"bases":' "$work/items" || true; } | cut -d'"' -f4 | sort > "$work/wanted.blob"
{ grep '"bases":' "$work/items" || true; } | cut -d'"' -f4 | sort > "$work/wanted.delta"
for kind in blob delta; do
  cmp -s "$work/$kind" "$work/wanted.$kind" || failed "payload: its ${kind}s are not those that the list of contents names"
done
passed "payload: $(wc -l < "$work/blob" | tr -d ' ') blobs, each named by its digest, and $(wc -l < "$work/delta" | tr -d ' ') deltas, as listed"
