#!/usr/bin/env bash
# Builds the emulated board: Debian 13 for arm64 with its own kernel 6.12.
#
#   test/board/image/build.sh FOLDER
#
# Leaves in FOLDER: board.img (ext4 root), vmlinuz, initrd.img. A stage whose inputs have not changed
# is not built again. Needs root, a Debian mirror, mmdebstrap, qemu-user-static, kmod, cpio, e2fsprogs.
# No emulated systemd, no loop device and no mount of this machine is involved.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mkdir -p "${1:?the folder to build in}" && cd "$1" && pwd)
# shellcheck source=deploy/apt.sh
. "$here/../../../deploy/apt.sh"

mirror=${HEADLAND_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
source="deb [signed-by=$keyring] $mirror trixie main"

# What a robot's image has, what the guide tells to install, and what the scenario looks with.
packages=(
  apt base-files bash ca-certificates dbus e2fsprogs iproute2 kmod less libnss-systemd login procps
  psmisc sudo systemd systemd-sysv udev
  ffmpeg fswebcam gpiod gpsd mosquitto mosquitto-clients sqlite3 v4l-utils
  busybox-static jq strace
)

stage() { printf '%s: %s\n' "$(date +%T)" "$*" >&2; }

# is_built NAME INPUT…: whether the stage NAME was built from the same inputs.
is_built() { [ "$(cat "$folder/$1.inputs" 2>/dev/null)" = "$(inputs "${@:2}")" ]; }
built() { inputs "${@:2}" >"$folder/$1.inputs"; }
inputs() { printf '%s\n' "$@" | sha256sum; }

# Programs for arm64 run through the interpreter that this registers in the kernel.
run_arm64_programs() {
  [ "$(uname -m)" = aarch64 ] && return
  local binfmt=/proc/sys/fs/binfmt_misc
  mountpoint -q "$binfmt" || mount -t binfmt_misc none "$binfmt"
  [ -e "$binfmt/qemu-aarch64" ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >"$binfmt/register"
}

# In a mount namespace of its own: whatever becomes of it, nothing stays mounted here.
bootstrap() { unshare --mount --propagation private mmdebstrap --quiet --mode=root "$@"; }

build_root() {
  is_built root "${packages[*]}" "$mirror" && return
  stage "Debian 13 for arm64, ${#packages[@]} packages and what they need"
  run_arm64_programs
  bootstrap --variant=minbase --architectures=arm64 "--include=$(IFS=,; echo "${packages[*]}")" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt=force-unsafe-io \
    --customize-hook='rm -f "$1"/etc/dpkg/dpkg.cfg.d/*mmdebstrap "$1"/var/cache/apt/archives/*.deb' \
    trixie "$folder/root.tar" "$source"
  built root "${packages[*]}" "$mirror"
}

# apt with a state of its own, for packages that are only unpacked.
apt_for_board() {
  local apt=$folder/apt
  mkdir -p "$apt"/etc/apt/{apt.conf.d,preferences.d,trusted.gpg.d} "$apt"/var/lib/{dpkg,apt/lists/partial} \
    "$apt/var/cache/apt/archives/partial"
  : >"$apt/var/lib/dpkg/status"
  echo "$source" >"$apt/etc/apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir "$apt";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  APT_CONFIG=$apt/apt.conf "$@"
}

# Debian builds its kernel without gpio-sim, and without the interrupts that gpio-sim simulates. Both
# are compiled from Debian's source against Debian's headers, by the compiler of that release.
build_gpio_sim() {
  local release=$1 tools=$folder/tools headers=/usr/src/linux-headers-$1
  local common=${release%-arm64}
  stage "gpio-sim for $release"
  rm -rf --one-file-system "$tools"
  mkdir "$tools"
  bootstrap --variant=extract "--include=base-files,bash,coreutils,dash,findutils,gawk,grep,make,sed,tar,xz-utils,gcc-aarch64-linux-gnu,linux-headers-$common-common,linux-kbuild-$common,linux-source-6.12" \
    trixie "$folder/tools.tar" "$source"
  tar -xf "$folder/tools.tar" -C "$tools" --exclude='./dev/*'
  rm "$folder/tools.tar"
  dpkg-deb -x "$folder"/kernel/linux-headers-"$common"-arm64_*.deb "$tools"
  local module=$tools/module from=linux-source-6.12
  mkdir "$module"
  tar -xJf "$tools/usr/src/$from.tar.xz" -C "$module" --strip-components=3 \
    "$from/drivers/gpio/gpio-sim.c" "$from/drivers/gpio/gpiolib.h" "$from/kernel/irq/irq_sim.c"
  # It asks for a function that modules may not call; the one in its place does the same here.
  sed -i -e 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' \
    -e 's/#include <linux\/irq.h>/&\n#include <linux\/module.h>/' "$module/irq_sim.c"
  echo 'MODULE_LICENSE("GPL");' >>"$module/irq_sim.c"
  cat >"$module/Makefile" <<'MAKE'
obj-m := gpio-sim.o irq-sim.o
irq-sim-y := irq_sim.o
MAKE
  [ -e "$tools/usr/bin/awk" ] || ln -s gawk "$tools/usr/bin/awk"
  unshare --mount --propagation private sh -euc 'mount -t proc proc "$0/proc"; mount -t tmpfs tmpfs "$0/tmp"
    mount --bind /dev/null "$(touch "$0/dev/null"; echo "$0/dev/null")"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$0" make -C "$1" M=/module ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules' \
    "$tools" "$headers" >"$folder/gpio-sim.log" 2>&1 || { tail -n 20 "$folder/gpio-sim.log" >&2; return 1; }
  mv "$module"/*.ko "$folder/kernel/"
  rm -rf --one-file-system "$tools"
}

build_kernel() {
  local release
  apt_for_board apt-get update -qq
  release=$(apt_for_board apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: linux-image-//p' | head -n 1)
  if is_built kernel "$release" "$(declare -f build_kernel build_gpio_sim)"; then return; fi
  stage "kernel $release"
  rm -rf "$folder/kernel"
  mkdir "$folder/kernel"
  (cd "$folder/kernel" && apt_for_board apt-get download -qq "linux-image-$release" "linux-headers-$release")
  build_gpio_sim "$release"
  dpkg-deb -x "$folder"/kernel/linux-image-*.deb "$folder/kernel/tree"
  mv "$folder/kernel/tree/boot/vmlinuz-$release" "$folder/vmlinuz"
  local modules
  modules=$(dirname "$(find "$folder/kernel/tree" -path "*/$release/kernel")")
  mkdir -p "$folder/kernel/lib/modules" "$modules/extra"
  mv "$folder"/kernel/*.ko "$modules/extra"
  mv "$modules" "$folder/kernel/lib/modules/"
  rm -rf "$folder/kernel/tree" "$folder"/kernel/*.deb
  depmod -b "$folder/kernel" "$release"
  echo "$release" >"$folder/kernel/release"
  built kernel "$release" "$(declare -f build_kernel build_gpio_sim)"
}

# Modules that the kernel needs before it has a root, each with those that it needs itself.
build_initrd() {
  local release tree=$folder/initrd module
  release=$(cat "$folder/kernel/release")
  rm -rf "$tree"
  mkdir -p "$tree"/{bin,dev,modules,proc,root,sys}
  cp "$1/usr/bin/busybox" "$tree/bin/"
  install -m 755 "$here/init.sh" "$tree/init"
  for module in virtio_pci virtio_blk crc32c_generic ext4; do
    modprobe -d "$folder/kernel" -S "$release" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' | while read -r module; do
    xz -dcf "$module" >"$tree/modules/$(basename "$module" .xz)"
    basename "$module" .xz
  done >"$tree/modules/order"
  (cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$folder/initrd.img"
  rm -rf "$tree"
}

build_image() {
  local of=("$(cat "$folder/root.inputs" "$folder/kernel.inputs" "$here/init.sh")" "$(declare -f build_image build_initrd)"
    "$(cd "$here/files" && find . -type f -print0 | sort -z | xargs -0 cat)")
  is_built image "${of[@]}" && return
  stage 'image of the disk'
  local root=$folder/root unit
  rm -rf --one-file-system "$root"
  mkdir "$root"
  tar -xf "$folder/root.tar" -C "$root" --exclude='./dev/*'
  cp -a "$folder/kernel/lib/modules" "$root/usr/lib/"
  cp -a "$here/files/." "$root/"
  (cd "$here/files" && find . -mindepth 1) | while read -r file; do chown root:root "$root/$file"; done
  chmod 440 "$root/etc/sudoers.d/pi"
  ln -sfn board.target "$root/etc/systemd/system/default.target"
  # Each would cost emulated minutes and is of no use to a machine without a network.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty@tty1.service serial-getty@ttyAMA0.service gpsd.socket gpsd.service systemd-timesyncd.service \
    systemd-networkd-wait-online.service systemd-hwdb-update.service systemd-firstboot.service \
    systemd-journal-catalog-update.service ldconfig.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
  done
  echo '/dev/vda / ext4 rw,noatime 0 1' >"$root/etc/fstab"
  echo raspberrypi >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 raspberrypi\n' >"$root/etc/hosts"
  echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
  mkdir -p "$root/var/log/journal"
  # No package of a network can be meant by mistake.
  : >"$root/etc/apt/sources.list"
  rm -rf "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*
  build_initrd "$root"
  rm -f "$folder/board.img"
  truncate -s 4G "$folder/board.img"
  mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$root" "$folder/board.img"
  rm -rf --one-file-system "$root"
  built image "${of[@]}"
}

ensure_programs 'Programs for the emulated board' mmdebstrap:mmdebstrap arch-test:arch-test depmod:kmod cpio:cpio \
  mke2fs:e2fsprogs qemu-aarch64-static:qemu-user-static qemu-system-aarch64:qemu-system-arm
build_root
build_kernel
build_image
