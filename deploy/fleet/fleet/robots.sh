#!/usr/bin/env bash
# Who may do what on the three nodes of RabbitMQ: users without a password, who log in by their certificates, with the
# rights of deploy/mosquitto/access. Run it as root on one node; the others know at once. The cluster may be in use.
#
#   robots.sh [OPTION…] users          all users of the access list: hub, operator, viewer, and those that you add there
#   robots.sh [OPTION…] add ID…        robots; ID is robot.id. Again: sets their rights anew
#   robots.sh [OPTION…] remove NAME…   robots or users: ends their connections and deletes their queues
#   robots.sh [OPTION…] refresh        users and all robots anew, after a change of the access list
#   robots.sh [OPTION…] list           the robots
#   robots.sh [OPTION…] print ID…      what `add` would import, as JSON of RabbitMQ
#
#   --access FILE   the access list, by default `access` beside this script, or else deploy/mosquitto/access
#
# A client may have no queues but its own, so its client id begins with its name: that of a robot is headland-ID (the
# default of mqtt.clientId), that of a hub headland-hub-REPLICA, that of another user NAME or NAME-…, or headland-send-….
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
access=$here/access
[ -e "$access" ] || access=$here/../../mosquitto/access

fail() {
  echo "robots.sh: $1" >&2
  exit 1
}

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# The users that the access list names.
users() {
  sed -n 's/^user \(.*\)$/\1/p' "$access" | sort -u
}

is_user() {
  users | grep -qxF -- "$1"
}

check_user() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$ ]] ||
    fail "'$1' is no name here: use 1 to 64 letters, digits, '_' and '-'"
  # Client ids of robots begin like this.
  case $1 in headland | headland-*) fail "'$1' cannot be a user: the queues of robots begin with it" ;; esac
}

check_robot() {
  # RabbitMQ reads "." as "/" of a topic.
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$ ]] ||
    fail "'$1' is no robot.id here: use 1 to 64 letters, digits, '_' and '-', and no '.'"
  ! is_user "$1" || fail "'$1' is a user of the access list: a robot would get its rights"
  case $1 in
    hub-* | doctor-* | status-* | send-*)
      fail "'$1': headland-$1 would be the client id of a program, too; use another robot.id"
      ;;
  esac
}

# Sets `translated`: an expression for one topic of the access list, for the routing keys that RabbitMQ makes of topics. A filter with
# wildcards is one, too: its "#" must not pass for a "+".
expression() {
  local level levels IFS=/
  translated=''
  read -ra levels <<<"$1"
  for level in "${levels[@]}"; do
    case $level in
      +) translated+='[.][^.#]+' ;;
      '#') translated+='[.].*' ;;
      *)
        [[ $level =~ ^([A-Za-z0-9_-]|%u)+$ ]] ||
          fail "$access: '$1' has characters that this script cannot translate"
        translated+="[.]${level//%u/'{username}'}"
        ;;
    esac
  done
  translated=${translated#'[.]'}
}

# Sets `allowed`: one expression for everything that the access list allows NAME to read or write; NAME '' is every
# robot. It has no backslash and no quote, so that it can stand in JSON.
rights() {
  local kind what topic block='' translated
  allowed=''
  while read -r kind what topic; do
    case $kind in
      '' | '#'*) ;;
      user) block=$what ;;
      pattern | topic)
        case $what in
          read | write | readwrite) ;;
          *) fail "$access: '$kind $what $topic' has no read, write or readwrite" ;;
        esac
        [ "$what" = "$2" ] || [ "$what" = readwrite ] || continue
        if [ "$kind" = pattern ]; then
          [ -z "$1" ] || continue
        elif [ -z "$block" ]; then
          fail "$access: '$kind $what $topic' is for nobody: write it below a user"
        else
          [ "$block" = "$1" ] || continue
        fi
        expression "$topic"
        allowed+="|$translated"
        ;;
      *) fail "$access: this script cannot translate '$kind $what $topic'" ;;
    esac
  done <"$access"
  # RabbitMQ allows everything to whom has no expression; nothing matches this one.
  allowed=${allowed#|}
  allowed="^(${allowed:-(?!)})\$"
}

# Sets `queues`: an expression for the queues of NAME, which has the kind robot or user.
name_queues() {
  local ids
  if [ "$2" = robot ]; then
    ids="headland-($1|(doctor|status)-[0-9a-f]{8})"
  elif [ "$1" = hub ]; then
    ids='headland-hub-[A-Za-z0-9_.-]+'
  else
    ids="($1|$1-.*|headland-send-.*)"
  fi
  queues="mqtt-(subscription-${ids}qos[01]|will-$ids)"
}

# definitions TOPICS|QUEUES robot|user NAME…: JSON for import_definitions. TOPICS: users and their rights to topics.
# QUEUES: their rights to exchanges and queues. In this order, nobody has the one without the other.
definitions() {
  local part=$1 kind=$2 name mine read='' write='' queues allowed
  shift 2
  if [ "$kind" = robot ]; then
    rights '' read
    read=$allowed
    rights '' write
    write=$allowed
  fi
  echo '{'
  if [ "$part" = TOPICS ]; then
    echo '"users": ['
    mine=''
    for name in "$@"; do
      echo "$mine{\"name\": \"$name\", \"password_hash\": \"\", \"hashing_algorithm\": \"rabbit_password_hashing_sha256\", \"tags\": \"\"}"
      mine=,
    done
    echo '], "topic_permissions": ['
  else
    echo '"permissions": ['
  fi
  mine=''
  for name in "$@"; do
    if [ "$kind" = user ]; then
      rights "$name" read
      read=$allowed
      rights "$name" write
      write=$allowed
    fi
    name_queues "$name" "$kind"
    if [ "$part" = TOPICS ]; then
      echo "$mine{\"user\": \"$name\", \"vhost\": \"/\", \"exchange\": \"amq.topic\", \"write\": \"$write\", \"read\": \"$read\"}"
    else
      echo "$mine{\"user\": \"$name\", \"vhost\": \"/\", \"configure\": \"^$queues\$\", \"write\": \"^(amq[.]topic|$queues)\$\", \"read\": \"^(amq[.]topic|$queues)\$\"}"
    fi
    mine=,
  done
  echo ']}'
}

# import robot|user NAME…
import() {
  local part made
  for part in TOPICS QUEUES; do
    made=$(definitions "$part" "$@")
    rabbitmqctl -q import_definitions <<<"$made" >/dev/null || fail 'RabbitMQ refuses the definitions'
  done
}

# Everybody whom RabbitMQ knows.
known() {
  rabbitmqctl -q list_users --no-table-headers | cut -f 1
}

robots() {
  local name
  for name in $(known); do
    if ! is_user "$name"; then echo "$name"; fi
  done
}

remove() {
  local name queue mine
  for name in "$@"; do
    rabbitmqctl -q delete_user "$name" >/dev/null || fail "RabbitMQ cannot delete '$name'"
    rabbitmqctl -q close_all_user_connections "$name" 'removed' >/dev/null || fail "the connections of '$name' stay"
    # A queue with another client id of its own ends by itself, after the time that the configuration says.
    if is_user "$name"; then mine=$name; else mine=headland-$name; fi
    for queue in "mqtt-subscription-${mine}qos"{0,1}; do
      rabbitmqctl -q delete_queue "$queue" >/dev/null 2>&1 || true
    done
    echo "$name is removed"
  done
}

while [ $# -gt 0 ]; do
  case $1 in
    --access)
      [ $# -ge 2 ] || usage
      access=$2
      shift 2
      ;;
    *) break ;;
  esac
done
[ $# -ge 1 ] || usage
what=$1
shift
[ -r "$access" ] || fail "there is no access list: name it with --access"
case $what in
  users | refresh | list) [ $# -eq 0 ] || usage ;;
  add | remove | print) [ $# -ge 1 ] || usage ;;
  *) usage ;;
esac
mapfile -t all_users < <(users)
case $what in
  users | refresh)
    for name in "${all_users[@]}"; do check_user "$name"; done
    import user "${all_users[@]}"
    echo "users: ${all_users[*]}"
    ;;&
  refresh)
    mapfile -t all_robots < <(robots)
    for name in "${all_robots[@]}"; do check_robot "$name"; done
    if [ ${#all_robots[@]} -gt 0 ]; then import robot "${all_robots[@]}"; fi
    echo "robots: ${#all_robots[@]}"
    ;;
  add)
    for name in "$@"; do check_robot "$name"; done
    import robot "$@"
    echo "robots: $*"
    ;;
  remove)
    mapfile -t there < <(known)
    for name in "$@"; do
      printf '%s\n' "${there[@]}" | grep -qxF -- "$name" || fail "RabbitMQ knows no '$name'"
    done
    remove "$@"
    ;;
  list) robots ;;
  print)
    for name in "$@"; do check_robot "$name"; done
    definitions TOPICS robot "$@"
    definitions QUEUES robot "$@"
    ;;
esac
