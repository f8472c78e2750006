#!/usr/bin/env bash
# Makes sure that the programs which the tests run for real are there. Always ends with 0: tests
# skip what is missing and say why.
set -uo pipefail
# shellcheck source=deploy/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

ensure_programs 'Test tools' \
  mosquitto:mosquitto \
  mosquitto_pub:mosquitto-clients \
  ffmpeg:ffmpeg \
  fswebcam:fswebcam \
  chromium:chromium \
  strace:strace \
  faketime:faketime \
  rsync:rsync \
  promtool:prometheus \
  gpsd:gpsd \
  rabbitmqctl:rabbitmq-server \
  pg_createcluster:postgresql \
  python3:python3 \
  qemu-x86_64:qemu-user \
  'python3 -m pip:python3-pip'

# Tests start programs of their own. keep_off PACKAGE UNIT...: units of a package that was installed just now
# stay off, also at the next boot.
keep_off() {
  case " ${installed[*]} " in *" $1 "*) ;; *) return ;; esac
  [ -d /run/systemd/system ] || return
  if [ "$(id -u)" -eq 0 ]; then as_root=(); else as_root=(sudo -n); fi
  "${as_root[@]}" systemctl disable --now "${@:2}" >/dev/null 2>&1
}
# It would take every receiver that is plugged in.
keep_off gpsd gpsd.socket gpsd.service
# It would take port 1883.
keep_off mosquitto mosquitto
# Tests use the checker of the package alone; the server would listen on port 9090.
keep_off prometheus prometheus
# It would take ports 4369, 5672 and 25672, and 5432.
keep_off rabbitmq-server rabbitmq-server.service epmd.socket epmd.service
keep_off postgresql postgresql.service
# What is missing for these two, one line above says.
cache="${XDG_CACHE_HOME:-${HOME:-}/.cache}/headland-test-tools"
# Reads and writes the messages of ROS 2 without ROS; no part of the system's Python.
rosbags="$cache/rosbags"
if [ ! -d "$rosbags/rosbags" ] && python3 -m pip --version >/dev/null 2>&1; then
  python3 -m pip install --quiet --target "$rosbags" rosbags==0.11.9 >/dev/null 2>&1 ||
    echo "Test tools missing: rosbags; python3 -m pip could not install it" >&2
fi
# The parser of AsyncAPI has 168 packages, one of which reports home when it is installed: they stay apart,
# in the versions that test/asyncapi locks, and without their scripts.
asyncapi="$cache/asyncapi-parser"
if [ ! -d "$asyncapi/node_modules" ] && command -v npm >/dev/null; then
  mkdir -p "$asyncapi" &&
    cp "$(dirname "${BASH_SOURCE[0]}")"/../test/asyncapi/package*.json "$asyncapi/" &&
    npm ci --ignore-scripts --no-audit --no-fund --prefix "$asyncapi" >/dev/null 2>&1 ||
    echo "Test tools missing: the parser of AsyncAPI; npm could not install test/asyncapi" >&2
fi
# Without qemu, which one line above says, there is nothing to run them with.
if command -v qemu-aarch64 >/dev/null; then
  bash "$(dirname "${BASH_SOURCE[0]}")/install-arm64-tools.sh"
fi
exit 0
