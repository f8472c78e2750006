#!/usr/bin/env bash
# A private certificate authority for robots, their broker and their operators, with openssl alone.
#
#   certificates.sh [--dir DIR] ca                makes the authority, once
#   certificates.sh [--dir DIR] broker HOST…      a certificate for the broker: host names and IP addresses
#   certificates.sh [--dir DIR] server NAME HOST… one for another server, such as a node of a cluster or a database
#   certificates.sh [--dir DIR] robot ID…         a certificate for each robot; ID is its robot.id
#   certificates.sh [--dir DIR] user NAME…        for people and programs of the access list
#   certificates.sh [--dir DIR] revoke NAME…      the broker refuses these from its next start on
#   certificates.sh [--dir DIR] list              all certificates: valid (V) or revoked (R), until when, for whom
#
# DIR holds everything, by default ./headland-ca. ca.key signs for everybody: keep DIR on a computer that
# is not the broker and make a backup. Names are unique: a robot cannot have the name of a user, and a
# name gets another certificate only after it was revoked.
set -euo pipefail
umask 077

days_ca=7300
days=3650
dir=headland-ca

fail() {
  echo "certificates.sh: $1" >&2
  exit 1
}

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}

# The names that the topics and the access list can hold.
check_name() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
    fail "'$1' is no name: use 1 to 64 letters, digits, '.', '_' and '-', as in robot.id"
  # Its files would take the place of those of the authority.
  [ "$1" != ca ] || fail "'ca' is the authority: use another name"
}

need_authority() {
  [ -f "$dir/ca.key" ] || fail "there is no authority in $dir: run '$0 --dir $dir ca' first"
}

# The names that are valid now.
taken() {
  awk -F '\t' -v name="/CN=$1" '$1 == "V" && $6 == name { found = 1 } END { exit !found }' \
    "$dir/index.txt"
}

# The users that the access list beside this script names.
is_user() {
  case $1 in broker) return 0 ;; esac
  grep -qxF "user $1" "$(dirname "${BASH_SOURCE[0]}")/access"
}

configuration() {
  cat >"$dir/openssl.cnf" <<END
[ca]
default_ca = headland
[headland]
dir = $dir
database = \$dir/index.txt
new_certs_dir = \$dir/issued
serial = \$dir/serial
crlnumber = \$dir/crlnumber
certificate = \$dir/ca.crt
private_key = \$dir/ca.key
default_md = sha256
default_days = $days
# The broker refuses everybody once this list is out of date.
default_crl_days = $days_ca
policy = any
unique_subject = yes
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${1:-DNS:localhost}
END
}

quietly() {
  local said
  said=$("$@" 2>&1) || fail "$said"
}

revocation_list() {
  quietly openssl ca -config "$dir/openssl.cnf" -gencrl -out "$dir/revoked.crl"
  chmod 644 "$dir/revoked.crl"
}

make_authority() {
  [ ! -e "$dir/ca.key" ] || fail "$dir has an authority already; remove the folder to begin anew"
  mkdir -p "$dir/issued"
  : >"$dir/index.txt"
  openssl rand -hex 16 >"$dir/serial"
  echo 01 >"$dir/crlnumber"
  configuration
  quietly openssl req -x509 -config "$dir/openssl.cnf" -extensions authority \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/ca.key" \
    -subj '/CN=headland authority' -days "$days_ca" -out "$dir/ca.crt"
  chmod 644 "$dir/ca.crt"
  revocation_list
  echo "$dir/ca.crt and $dir/revoked.crl: for the broker; ca.crt for robots and users too"
}

# issue NAME EXTENSIONS
issue() {
  if taken "$1"; then
    fail "'$1' has a certificate already: run '$0 --dir $dir revoke $1' before"
  fi
  quietly openssl req -new -config "$dir/openssl.cnf" -subj "/CN=$1" \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/$1.key" -out "$dir/$1.csr"
  quietly openssl ca -batch -notext -config "$dir/openssl.cnf" -extensions "$2" \
    -in "$dir/$1.csr" -out "$dir/$1.crt"
  rm "$dir/$1.csr"
  chmod 644 "$dir/$1.crt"
  echo "$dir/$1.crt and $dir/$1.key: for $1"
}

# server NAME HOST…
server() {
  local name=$1 host names=''
  shift
  for host in "$@"; do
    case $host in
      *[!0-9.]*)
        case $host in
          *[!0-9a-fA-F:]*) names+="DNS:$host," ;;
          *:*) names+="IP:$host," ;;
          *) names+="DNS:$host," ;;
        esac
        ;;
      *) names+="IP:$host," ;;
    esac
    [[ $host =~ ^[A-Za-z0-9:._-]+$ ]] || fail "'$host' is no host name and no IP address"
  done
  configuration "${names%,}"
  issue "$name" server
}

revoke() {
  check_name "$1"
  taken "$1" || fail "'$1' has no valid certificate"
  local serial
  serial=$(awk -F '\t' -v name="/CN=$1" '$1 == "V" && $6 == name { print $4 }' "$dir/index.txt")
  quietly openssl ca -config "$dir/openssl.cnf" -revoke "$dir/issued/$serial.pem"
  revocation_list
  echo "$1 is revoked: copy $dir/revoked.crl to the broker and restart it"
}

if [ "${1:-}" = --dir ]; then
  [ $# -ge 2 ] || usage
  dir=$2
  shift 2
fi
[ $# -ge 1 ] || usage
what=$1
shift
case $what in
  ca) [ $# -eq 0 ] || usage ;;
  list) [ $# -eq 0 ] || usage ;;
  broker | robot | user | revoke) [ $# -ge 1 ] || usage ;;
  server) [ $# -ge 2 ] || usage ;;
  *) usage ;;
esac
case $dir in
  *[\$\\\"\'\#]*) fail "the path of $dir has characters that openssl reads in another way" ;;
esac
[ "$what" = ca ] || need_authority
case $what in
  ca) make_authority ;;
  list) cut -f 1,2,6 "$dir/index.txt" ;;
  broker) server broker "$@" ;;
  server)
    check_name "$1"
    ! is_user "$1" || fail "'$1' is the broker or a user of the access list: give the server another name"
    server "$@"
    ;;
  robot)
    for name in "$@"; do
      check_name "$name"
      ! is_user "$name" || fail "'$name' is a user of the access list: a robot would get its rights"
    done
    for name in "$@"; do issue "$name" client; done
    ;;
  user)
    for name in "$@"; do
      check_name "$name"
      if [ "$name" = broker ] || ! is_user "$name"; then
        fail "'$name' is no user of the file access beside this script: add its block there first"
      fi
    done
    for name in "$@"; do issue "$name" client; done
    ;;
  revoke) for name in "$@"; do revoke "$name"; done ;;
esac
