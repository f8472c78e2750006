#!/usr/bin/env bash
# The program's package again as another version, without compression:
#
#   test/deploy/next-version.sh DEB VERSION OUT
set -euo pipefail
deb=$1 version=$2 out=$3
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
dpkg-deb -R "$deb" "$tree/package"
for file in DEBIAN/control usr/lib/headland/package.json; do
  sed -E -i "s/^(Version: |[[:space:]]*\"version\": \")[^[:space:]\"]+/\1$version/" "$tree/package/$file"
done
dpkg-deb --root-owner-group -Znone -b "$tree/package" "$out" >/dev/null
