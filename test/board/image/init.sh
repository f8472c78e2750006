#!/bin/busybox sh
# First program of the emulated board: finds the disk and hands over to its systemd.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
  /bin/busybox insmod "/modules/$module"
done </modules/order
n=0
while [ ! -b /dev/vda ] && [ $n -lt 600 ]; do
  /bin/busybox sleep 0.1
  n=$((n + 1))
done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox sh
/bin/busybox umount /proc
/bin/busybox umount /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /usr/lib/systemd/systemd
