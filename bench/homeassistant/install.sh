#!/usr/bin/env bash
# Gets what the bench needs: Python for Node (Pyodide), and the sources of Home Assistant with what they import.
# 170 MB. Usage: install.sh [FOLDER]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
tools="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/headland-test-tools/homeassistant}"
# The release of Pyodide names the Python that it is: 3.14.
pyodide=314.0.7
# The newest, and the first with discovery of devices; the latter runs with packages newer than its own.
versions='2026.11.0 2024.11.3'

download() { # OPTIONS...
  python3 -m pip download --quiet --no-deps --only-binary=:all: --implementation cp \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux_2_28_x86_64 "$@"
}
unpack() { # WHEEL FOLDER
  # Translations are most of Home Assistant.
  python3 -c 'import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.endswith((".py", ".pem", "METADATA"))])' "$1" "$2"
}

mkdir -p "$tools"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tools/pyodide" "pyodide@$pyodide"
download --python-version 3.14.5 --dest "$work/packages" --requirement "$here/requirements.txt"
for wheel in "$work"/packages/*.whl; do unpack "$wheel" "$tools/packages"; done
for version in $versions; do
  download --python-version 3.14.5 --dest "$work/$version" "homeassistant==$version"
  unpack "$work/$version"/*.whl "$tools/homeassistant-$version"
done
echo "$tools"
