#!/usr/bin/env bash
# The certificates of one farm, and the folders broker and hub that compose.yaml beside this script mounts.
#
#   setup.sh [OPTION…] init HOST…         the authority if there is none, the certificates of broker and hub, and
#                                         both folders. HOST… are the names and IP addresses under which robots
#                                         know the broker; headland.yaml of robots has the first.
#                                         Again: copies all files anew. Another HOST…: another certificate
#   setup.sh [OPTION…] add-robot ID…      a certificate for each robot; prints its lines of headland.yaml
#   setup.sh [OPTION…] revoke-robot ID…   the broker refuses these from its next start on
#
#   --authority DIR   where the authority is, by default headland-ca beside this script. ca.key signs for
#                     everybody: make a backup, and keep it away from the broker where you can
#   --owners HOW      how the keys get to the users of the containers: `root` by chown; `podman` by podman
#                     unshare, for containers without root; `docker` prints a command; `keep` leaves them to
#                     you, for a broker and a hub that you run without containers. By default the first of
#                     root, podman and docker that is there
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mosquitto=$here/../../mosquitto
authority=$here/headland-ca
owners=''
# User and group in the image of the broker, and user in that of the hub (deploy/container/Containerfile).
broker_owner=1883:1883
hub_owner=980
# Of compose.yaml: the name under which the hub knows the broker.
service=broker

fail() {
  echo "setup.sh: $1" >&2
  exit 1
}

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

certificates() {
  bash "$mosquitto/certificates.sh" --dir "$authority" "$@"
}

# Whether somebody has a valid certificate.
has() {
  certificates list |
    awk -F '\t' -v name="/CN=$1" '$1 == "V" && $3 == name { found = 1 } END { exit !found }'
}

find_owners() {
  if [ -n "$owners" ]; then return; fi
  if [ "$(id -u)" = 0 ]; then
    owners=root
  elif command -v podman >/dev/null; then
    owners=podman
  elif command -v docker >/dev/null; then
    owners=docker
  else
    fail 'only root can give the keys to the users of the containers: run this as root, or choose --owners'
  fi
}

# give OWNER FILE…
give() {
  local owner=$1
  shift
  case $owners in
    root) chown "$owner" "$@" ;;
    podman) podman unshare chown "$owner" "$@" ;;
  esac
}

# put MODE FILE FOLDER: beside the file that is used now.
put() {
  cp "$2" "$here/$3/${2##*/}.new"
  chmod "$1" "$here/$3/${2##*/}.new"
}

copy_all() {
  local file
  mkdir -p "$here/broker" "$here/hub"
  chmod 755 "$here/broker" "$here/hub"
  rm -f "$here"/{broker,hub}/*.new
  for file in ca.crt broker.crt revoked.crl; do put 644 "$authority/$file" broker; done
  for file in ca.crt hub.crt; do put 644 "$authority/$file" hub; done
  # mosquitto wants both for its own user alone, and the hub its key.
  put 400 "$mosquitto/access" broker
  put 400 "$authority/broker.key" broker
  put 400 "$authority/hub.key" hub
  give "$broker_owner" "$here"/broker/{access,broker.key}.new
  give "$hub_owner" "$here/hub/hub.key.new"
  for file in "$here"/{broker,hub}/*.new; do mv -f "$file" "${file%.new}"; done
  # A copy that somebody made with a strict umask.
  for file in "$here"/{mosquitto.conf,hub.yaml} "$mosquitto/headland.conf"; do
    if [ -O "$file" ]; then chmod a+r "$file"; fi
  done
  [ "$owners" = docker ] || return 0
  local image
  image=$(sed -n 's/^ *image: \(.*mosquitto.*\)$/\1/p' "$here/compose.yaml")
  cat >&2 <<END
The files are there. Give the keys to the users of the containers, after every run of this script:

  docker run --rm --user 0 -v '$here:/yard' $image sh -c \\
    'chown $broker_owner /yard/broker/access /yard/broker/broker.key && chown $hub_owner /yard/hub/hub.key'
END
}

init() {
  local hosts=$authority/broker.hosts wanted host others=()
  if [ $# -gt 0 ]; then
    wanted=$(printf '%s\n' "$@")
  else
    [ -s "$hosts" ] || fail 'name the hosts under which robots know the broker'
    wanted=$(cat "$hosts")
    mapfile -t others <"$hosts"
    set -- "${others[@]}"
    others=()
  fi
  find_owners
  [ -f "$authority/ca.key" ] || certificates ca
  if has broker && [ "$(cat "$hosts" 2>/dev/null)" != "$wanted" ]; then
    certificates revoke broker >/dev/null
  fi
  if ! has broker; then
    for host in "$@"; do
      [ "$host" = "$service" ] || others+=("$host")
    done
    certificates broker "$service" "${others[@]}"
    printf '%s\n' "$wanted" >"$hosts"
  fi
  has hub || certificates user hub
  copy_all
  echo "$here/broker and $here/hub are ready: restart the containers if they run"
}

# Fails unless the name is free, or a robot's.
check_robot() {
  ! grep -qxF "user $1" "$mosquitto/access" ||
    fail "'$1' is a user of the access list: a robot would get its rights"
  if has "$1"; then
    openssl verify -purpose sslclient -CAfile "$authority/ca.crt" "$authority/$1.crt" >/dev/null 2>&1 ||
      fail "'$1' has the certificate of a server"
  fi
}

# lines ID: of its headland.yaml.
lines() {
  local host
  host=$(head -n 1 "$authority/broker.hosts")
  case $host in *:*) host="[$host]" ;; esac
  cat <<END
# headland.yaml of $1. Its files, from $authority:
#   ca.crt and $1.crt to /etc/headland
#   $1.key to /etc/headland/mqtt-key.pem, with mode 600
# sudo systemctl edit headland: [Service], LoadCredential=mqtt-key:/etc/headland/mqtt-key.pem
robot:
  id: "$1"
mqtt:
  url: mqtts://$host:8883
  caFile: /etc/headland/ca.crt
  certFile: /etc/headland/$1.crt
  key: { credential: mqtt-key }
fleet:
  enabled: true
END
}

need_init() {
  [ -s "$authority/broker.hosts" ] || fail "$authority has no broker: run '$0 init HOST…' first"
}

add_robots() {
  local id first=yes
  need_init
  for id in "$@"; do check_robot "$id"; done
  for id in "$@"; do
    has "$id" || certificates robot "$id" >&2
    [ "$first" = yes ] || echo ---
    first=no
    lines "$id"
  done
}

revoke_robots() {
  local id
  need_init
  for id in "$@"; do
    check_robot "$id"
    has "$id" || fail "'$id' has no valid certificate"
  done
  find_owners
  certificates revoke "$@" >/dev/null
  copy_all
  echo "$*: revoked as soon as the broker is started again"
}

while [ $# -gt 0 ]; do
  case $1 in
    --authority | --owners)
      [ $# -ge 2 ] || usage
      if [ "$1" = --owners ]; then owners=$2; else authority=$2; fi
      shift 2
      ;;
    *) break ;;
  esac
done
case $owners in '' | root | podman | docker | keep) ;; *) usage ;; esac
[ $# -ge 1 ] || usage
what=$1
shift
command -v openssl >/dev/null || fail 'openssl is missing'
case $what in
  init) init "$@" ;;
  add-robot | revoke-robot)
    [ $# -ge 1 ] || usage
    if [ "$what" = add-robot ]; then add_robots "$@"; else revoke_robots "$@"; fi
    ;;
  *) usage ;;
esac
