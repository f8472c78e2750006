#!/usr/bin/env bash
# Tries the outputs of headland on the pin controller of a Raspberry Pi 3 (qemu's raspi3b, kernel 6.12
# of Debian 13), which the board of `npm run test:board` does not have. About two minutes.
#
#   npm run test:pi3          needs root, as image/build.sh does
#
# HEADLAND_BOARD names the folder of image/build.sh. Prints a line for each step; the last one is JSON.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../../.." && pwd)
folder=${HEADLAND_BOARD:-${XDG_CACHE_HOME:-$HOME/.cache}/headland-board}
bash "$here/../image/build.sh" "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

release=$(cat "$folder/kernel/release")
(cd "$work" && APT_CONFIG=$folder/apt/apt.conf apt-get download -qq "linux-image-$release")
dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb |
  tar -xO --wildcards './usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb' >"$work/pi3.dtb"
bash "$project/deploy/deb/build.sh" --level 0 --out "$work" arm64 >&2

# The machine has no network and no 9p: everything is in its first file system.
root=$work/root
mkdir "$root"
tar -xf "$folder/root.tar" -C "$root" ./bin ./lib ./usr/bin/busybox ./usr/lib/ld-linux-aarch64.so.1 \
  ./usr/lib/aarch64-linux-gnu/{ld-linux-aarch64.so.1,libc.so.6,libm.so.6,libdl.so.2,libpthread.so.0,libgcc_s.so.1} \
  ./usr/lib/aarch64-linux-gnu/libstdc++.so.{6,6.0.33}
dpkg-deb -x "$work"/headland_*_arm64.deb "$root"
install -m 755 "$here/init.sh" "$root/init"
mkdir -p "$root"/{proc,sys,dev}
(cd "$root" && find . -print0 | cpio --null --quiet -o -H newc) >"$work/initrd.img"

# The first serial line is Bluetooth's; the second is the console.
timeout 3600 qemu-system-aarch64 -M raspi3b -accel tcg,thread=single -kernel "$folder/vmlinuz" \
  -dtb "$work/pi3.dtb" -initrd "$work/initrd.img" -append 'console=ttyS1,115200 quiet rdinit=/init' \
  -serial null -serial stdio -display none -no-reboot </dev/null >"$work/console.log" 2>&1 &
qemu=$!
# timeout hands the signal on.
trap 'kill $qemu 2>/dev/null; rm -rf "$work"' EXIT
while kill -0 $qemu 2>/dev/null && ! grep -q '^PI3 end' "$work/console.log"; do sleep 1; done
grep '^PI3' "$work/console.log" | tr -d '\r' || true
steps=$(grep -c '^PI3 \(ok\|failed\)' "$work/console.log" || true)
failed=$(grep -c '^PI3 failed' "$work/console.log" || true)
finished=$(grep -c '^PI3 end' "$work/console.log" || true)
[ "$finished" = 1 ] || tail -n 40 "$work/console.log" >&2
printf '{"steps":%d,"failed":%d,"finished":%s}\n' "$steps" "$failed" "$([ "$finished" = 1 ] && echo true || echo false)"
[ "$finished" = 1 ] && [ "$steps" -gt 0 ] && [ "$failed" = 0 ]
