#!/usr/bin/env bash
# Builds tfjs-node, native TensorFlow for TensorFlow.js, on x64 and arm64 Linux without its own
# install step, which downloads a libtensorflow that exists for x64 only (its arm64 package brings
# an addon for x64).
#
#   deploy/tfjs-node/build.sh [--wheel FILE] [DIRECTORY]
#
# The addon is compiled from the sources in the npm package, against the C library and headers in
# TensorFlow's Python wheel: its C interface is the one that tfjs-node was written for. Needs Node
# with its headers, npm, g++, and pip for the wheel (or the wheel itself, with --wheel). Takes one
# to three minutes, 1.5 GB of disk on the way and about 0.8 GB for good. Run again, it does nothing
# when what stands there still works.
#
# Afterwards set HEADLAND_TFJS_NODE=DIRECTORY for headland.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wheel=
if [ "${1:-}" = --wheel ]; then
  wheel=$(realpath -- "${2:?--wheel needs a file}")
  shift 2
fi
case ${1:-} in -*)
  echo "usage: ${BASH_SOURCE[0]} [--wheel FILE] [DIRECTORY]" >&2
  exit 2
  ;;
esac
target=$(realpath -m -- "${1:-/usr/local/lib/headland/tfjs-node}")

stop() {
  echo "build.sh: $*" >&2
  exit 1
}
need() {
  command -v "$1" >/dev/null 2>&1 || stop "$1 is missing; $2"
}

case "$(uname -s) $(uname -m)" in
  'Linux x86_64') platform=x86_64 ;;
  'Linux aarch64') platform=aarch64 ;;
  *) stop "TensorFlow has no wheel for $(uname -s) $(uname -m); headland runs with wasm there" ;;
esac
need node 'install Node 20 or newer'
need npm 'it comes with Node; on Debian: apt-get install npm'
compiler=${CXX:-g++}
need "$compiler" 'on Debian: apt-get install g++, or name a compiler in CXX'
[ "$(node -p process.arch)" = "$([ $platform = x86_64 ] && echo x64 || echo arm64)" ] ||
  stop "this Node is for $(node -p process.arch), the machine is $platform"

# The headers must be those of a Node; which one matters little, as N-API is stable.
headers=
for folder in "${NODE_INCLUDE_DIR:-}" "$(node -p 'path.resolve(process.execPath, "../../include/node")')" \
  /usr/include/node /usr/include/nodejs/src; do
  if [ -n "$folder" ] && [ -e "$folder/node_api.h" ]; then
    headers=$folder
    break
  fi
done
[ -n "$headers" ] || stop 'node_api.h is missing; on Debian: apt-get install libnode-dev,
or unpack include/node of the Node release and name it in NODE_INCLUDE_DIR'

# Two TensorFlows of different versions must not stand in for each other.
stamp=$(cat "$here/build.sh" "$here/package-lock.json" "$here/tensorflow.txt" | sha256sum |
  cut -c1-64)" $platform ${wheel:-pinned}"
if [ -e "$target/stamp" ] && [ "$(cat "$target/stamp")" = "$stamp" ] &&
  node "$here/check.cjs" "$target"; then
  echo "nothing to do: $target is up to date"
  exit 0
fi
[ ! -e "$target" ] || [ -e "$target/stamp" ] || [ -z "$(ls -A "$target")" ] ||
  stop "$target holds something else; name another directory"

mkdir -p "$(dirname "$target")" || stop "$(dirname "$target") cannot be written; run as root, or name a directory of your own"
work=$(mktemp -d "$target.XXXXXX") || stop "$(dirname "$target") cannot be written; run as root, or name a directory of your own"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
chmod 755 "$work"

echo '1/4 npm packages'
cp "$here/package.json" "$here/package-lock.json" "$work/"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error

if [ -z "$wheel" ]; then
  echo '2/4 TensorFlow wheel (about 210 MB)'
  need python3 'on Debian: apt-get install python3-pip, or give --wheel'
  python3 -m pip --version >/dev/null 2>&1 ||
    stop 'pip is missing; on Debian: apt-get install python3-pip, or give --wheel'
  # The wheel of one fixed Python does for every Python: only its C library is taken.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir \
    --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
    --platform "manylinux_2_17_$platform" --platform "manylinux2014_$platform" \
    --require-hashes --requirement "$here/tensorflow.txt" --dest "$work/wheel"
  wheel=$(echo "$work"/wheel/*.whl)
else
  echo "2/4 TensorFlow from $wheel"
  grep -q "$(sha256sum "$wheel" | cut -c1-64)" "$here/tensorflow.txt" ||
    echo 'note: this is not the wheel that the script was tried with (tensorflow.txt)' >&2
fi

echo '3/4 unpacking'
addon=$work/node_modules/@tensorflow/tfjs-node
python3 - "$wheel" "$work/unpacked" <<'PYTHON' 2>/dev/null || unzip -q "$wheel" 'tensorflow/libtensorflow*' 'tensorflow/include/*' 'tensorflow*.libs/*' -d "$work/unpacked" ||
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist()
        if name.startswith(('tensorflow/libtensorflow', 'tensorflow/include/'))
        or name.split('/')[0].endswith('.libs')])
PYTHON
  stop "$wheel cannot be unpacked; it takes python3 or unzip"
libraries=$work/unpacked/tensorflow
mkdir -p "$addon/deps/lib"
for library in libtensorflow_cc.so.2 libtensorflow_framework.so.2; do
  [ -e "$libraries/$library" ] || stop "$wheel holds no $library: it is no TensorFlow for Linux"
  mv "$libraries/$library" "$addon/deps/lib/"
  # A quarter of it is names for debuggers.
  strip --strip-unneeded "$addon/deps/lib/$library" 2>/dev/null || true
done
# What the wheel brings along, on arm64 an OpenMP; TensorFlow looks for it beside itself, too.
for library in "$work"/unpacked/tensorflow*.libs/*.so*; do
  [ ! -e "$library" ] || mv "$library" "$addon/deps/lib/"
done

echo '4/4 compiling'
# tfjs-node looks into the folder of the newest N-API that both it (8) and Node know.
napi=$(node -p 'Math.min(8, Number(process.versions.napi))')
mkdir -p "$addon/lib/napi-v$napi"
# -z now: what a TensorFlow lacks shows when the addon is loaded, not in the middle of the work.
# shellcheck disable=SC2016 # $ORIGIN is for the loader
"$compiler" -std=c++17 -O2 -fPIC -shared -Wl,-z,now \
  -DNAPI_VERSION="$napi" -DBUILDING_NODE_EXTENSION \
  -I"$headers" -I"$libraries/include" -I"$addon" \
  -o "$addon/lib/napi-v$napi/tfjs_binding.node" \
  "$addon/binding/tfjs_backend.cc" "$addon/binding/tfjs_binding.cc" \
  -L"$addon/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
  -Wl,-rpath,'$ORIGIN/../../deps/lib'
rm -rf "$work/unpacked" "$work/wheel"

node "$here/check.cjs" "$work" || stop 'the addon was built, but does not compute; see above'
echo "$stamp" >"$work/stamp"
rm -rf "$target"
mv "$work" "$target"
trap - EXIT
echo "tfjs-node stands in $target: set HEADLAND_TFJS_NODE=$target"
