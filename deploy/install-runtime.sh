#!/usr/bin/env bash
# Makes sure that the programs which the daemon calls are there: ffmpeg and fswebcam for cameras,
# pip for backbones that come in a Python package. Ends with 1 when one is still missing.
set -uo pipefail
# shellcheck source=deploy/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

ensure_programs 'Runtime tools' \
  ffmpeg:ffmpeg \
  fswebcam:fswebcam \
  python3:python3 \
  'python3 -m pip:python3-pip'
