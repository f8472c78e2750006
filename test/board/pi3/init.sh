#!/bin/busybox sh
# First and only program of the emulated Raspberry Pi 3: tries the outputs of headland on its pin
# controller, and ends the machine. Prints `PI3 ok …` or `PI3 failed …` for each step.
export PATH=/usr/bin:/bin LC_ALL=C HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mkdir -p /tmp /run /root /etc/headland
ip link set lo up

NODE=/usr/lib/headland/bin/node
MAIN=/usr/lib/headland/dist/src/cli/headland.js
headland() { $NODE $MAIN "$@"; }
# What the registers of the pin controller say of a line: "function gpio_out in hi".
line() { grep -h "^pin $1 " /sys/kernel/debug/pinctrl/*/pins | tail -n 1; }
ON='gpio_out in hi'
OFF='gpio_in|in lo'
step() {
  title=$1
  shift
  if "$@" >/tmp/said 2>&1; then echo "PI3 ok $title"; else
    echo "PI3 failed $title"
    cat /tmp/said
  fi
  sed 's/^/PI3 | /' /tmp/said
}
configure() {
  printf 'robot: { id: pi3 }\npaths: { stateDir: /tmp/state, cacheDir: /tmp/cache }\n%s\n' "$1" \
    >/etc/headland/headland.yaml
}
# becomes PATTERN LINE: waits until the line is so.
becomes() {
  for _ in $(seq 300); do
    if line "$2" | grep -qE "$1"; then return 0; fi
    sleep 0.1
  done
  line "$2"
  return 1
}

lists() { headland gpio list && headland gpio list | grep -q 'pinctrl-bcm2835, 54 lines'; }
names_lines() { headland gpio list | grep -E '^ *17 +GPIO17 .*free +output "?horn"?'; }
switches() {
  headland gpio test horn --seconds 3 &
  becomes "$ON" 17 && wait $! && becomes "$OFF" 17 && line 17
}
is_inverted() {
  headland gpio test lamp --seconds 3 &
  becomes 'gpio_out in lo' 27 && wait $! && line 27
}
falls_with_the_process() {
  $NODE $MAIN gpio test horn --seconds 600 &
  becomes "$ON" 17 || return 1
  kill -9 $!
  becomes "$OFF" 17 && line 17
}
off_works() { headland outputs off --config /etc/headland/headland.yaml; }

uname -a
configure 'gpio: { outputs: [{ name: horn, line: 17 }, { name: lamp, lineName: GPIO27, activeLow: true }] }'
step 'the chip and its lines are listed' lists
step 'line 17 is the BCM number, GPIO17' names_lines
step 'an output is switched on and off' switches
step 'an output by name, active low, is low while it is on' is_inverted
step 'the line falls with a process that is killed' falls_with_the_process
step 'outputs off ends without an error' off_works
configure 'gpio: { driver: onoff, outputs: [{ name: horn, line: 17 }] }'
step 'with onoff an output is switched on and off' switches
step 'with onoff outputs off ends without an error' off_works
echo 'PI3 end'
poweroff -f
