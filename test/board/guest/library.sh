# Sourced by every script that the board test runs in the guest. Times are the guest's.
set -euo pipefail
robot=headland/robot7

# refute COMMAND…: fails when the command succeeds. `! COMMAND` would end no script.
refute() {
  if "$@"; then
    echo "succeeds, but must not: $*"
    return 1
  fi
}

uptime_s() { cut -d. -f1 /proc/uptime; }

# wait_until SECONDS COMMAND…
wait_until() {
  local end=$(($(uptime_s) + $1))
  shift
  until "$@"; do
    if [ "$(uptime_s)" -ge "$end" ]; then
      echo "waited in vain for: $*"
      return 1
    fi
    sleep 0.5
  done
}

# The level of a GPIO line, as seen from outside of the chip.
line() { cat "/run/board/lines/$1/value"; }
line_is() { [ "$(line "$1")" = "$2" ]; }

# camera_shows row|obstacle [NUMBER]: colour bars or a chessboard, each time a little different
camera_shows() {
  local pattern=0 n=${2:-0}
  [ "$1" = row ] || pattern=10
  v4l2-ctl -d /dev/video0 \
    -c "osd_text_mode=2,test_pattern=$pattern,brightness=$((112 + n * 7 % 40)),hue=$((n * 5 % 30 - 15)),horizontal_movement=$((n % 7))"
}

main_pid() { systemctl show headland -p MainPID --value; }
other_main_pid() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$1" ]; }
# Node names its threads.
perception_thread() {
  local task
  for task in /proc/"$1"/task/*; do
    [ "$(cat "$task/comm")" != perception ] || basename "$task"
  done
}
# watchdog_fired SECONDS: systemd has ended the daemon for its silence since that date
watchdog_fired() { journalctl -u headland --since "@$1" --no-pager --quiet --grep 'Watchdog timeout' >/dev/null; }
is_active() { [ "$(systemctl show headland -p ActiveState --value)" = active ]; }
restarts() { systemctl show headland -p NRestarts --value; }

# message TOPIC [SECONDS]: the next message
message() { mosquitto_sub -V 5 -W "${2:-120}" -C 1 -t "$robot/$1"; }
# kept TOPIC: the retained message
kept() { mosquitto_sub -V 5 -W 60 -C 1 --retained-only -t "$robot/$1"; }
# ask COMMAND JSON: the robot's answer
ask() { mosquitto_rr -V 5 -q 1 -W 120 -t "$robot/cmd/$1" -e "$robot/board" -m "$2"; }

head_version() { kept model | jq -r .head_version; }
head_is() { [ "$(head_version)" = "$1" ]; }

# The id of a frame that was captured after this was called.
next_frame() {
  local seen said
  seen=$(message prediction | jq -r .sequence)
  while :; do
    said=$(message prediction)
    if [ "$(jq -r .sequence <<<"$said")" -gt $((seen + 1)) ]; then
      jq -r .frame_id <<<"$said"
      return
    fi
  done
}

# label NUMBER: shows one of two things to the camera, says what it is, and prints the answer
label() {
  local what=row
  [ $(($1 % 2)) = 0 ] || what=obstacle
  camera_shows $what "$1"
  ask label "{\"frame\":\"$(next_frame)\",\"label\":\"$what\",\"transaction\":\"$1\"}"
}
