# Sourced by the installers beside it: makes sure that programs are there, through apt.

# ensure_programs PURPOSE PROGRAM:PACKAGE…
# Installs the packages of those programs that are missing, without asking anything. Says one line
# on standard error and returns 1 when it may not or could not; says nothing when nothing is
# missing. Leaves the installed packages in the array `installed`.
ensure_programs() {
  local purpose=$1 pair programs=() packages=() as_root=()
  shift
  installed=()
  for pair in "$@"; do
    has_program "${pair%%:*}" && continue
    programs+=("${pair%%:*}")
    packages+=("${pair#*:}")
  done
  [ ${#packages[@]} -gt 0 ] || return 0

  local advice="apt-get update && apt-get install --no-install-recommends -y ${packages[*]}"
  local missing
  missing="$purpose missing: $(printf '%s, ' "${programs[@]}")"
  missing=${missing%, }
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "$missing; there is no apt-get here; on Debian it would be, as root: $advice" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true >/dev/null 2>&1; then
      echo "$missing; as root run: $advice" >&2
      return 1
    fi
    as_root=(sudo -n)
  fi
  if ! install_packages "${packages[@]}"; then
    echo "$missing; apt-get could not install them; as root run: $advice" >&2
    return 1
  fi
  installed=("${packages[@]}")
}

# has_program NAME | has_program 'COMMAND WITH ARGUMENTS'
has_program() {
  case $1 in
    # A module of an interpreter: ask it for its version.
    *' '*) $1 --version >/dev/null 2>&1 ;;
    # mosquitto and its like live where an ordinary user's PATH does not look.
    *) PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# Package lists may be absent or old: only then is an update worth its time.
install_packages() {
  run_apt install "$@" || { run_apt update && run_apt install "$@"; }
}

# run_apt update | run_apt install PACKAGE…
# Waits for other users of apt, not for a network that hangs. Starts no services: policy-rc.d is
# what Debian's packages ask first; one that is there already is left alone.
run_apt() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap "rm -f $policy" EXIT
      trap "exit 130" HUP INT TERM
      printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
    fi
    action=$1
    shift
    [ "$action" = update ] || set -- --no-install-recommends -y "$@"
    apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=30 \
      -o Acquire::https::Timeout=30 -o Acquire::Retries=2 -o Dpkg::Options::=--force-confold \
      "$action" "$@"
  ' sh "$@" </dev/null >/dev/null 2>&1
}
