#!/usr/bin/env bash
# A Debian that nobody has used, for scripts to be run in as on a new machine: made once, entered as often as wanted, each time as new.
#
#   clean-root.sh make ROOT
#   clean-root.sh enter ROOT SCRATCH REPOSITORY [--offline] [--rust FOLDER] [--go FOLDER] [--cache FOLDER PLACE]... PROGRAM ARGUMENT...
#
# What is written goes to SCRATCH/over, and is seen there afterwards. Processes and mounts are those of namespaces of their own, and end with
# the program. Of this machine there are REPOSITORY in /origin, toolchains and caches where they are asked for, and the network unless --offline.
# A cache is written to as the rest is: nothing comes back to the machine.
# Needs root, Linux and mmdebstrap.
set -euo pipefail

# What this machine trusts beyond Debian's list: its network may ask for it.
own_certificates() {
  local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt} place=$1/usr/local/share/ca-certificates
  [[ -f $bundle ]] || return 0
  awk -v place="$place" '
    /-----BEGIN/ { text = "" }
    { text = text $0 "\n" }
    /-----END/ { if (FNR == NR) known[text] = 1; else if (!(text in known)) { file = place "/machine-" ++count ".crt"; printf "%s", text >file; close(file) } }
  ' "$1/etc/ssl/certs/ca-certificates.crt" "$bundle"
  chroot "$1" update-ca-certificates >/dev/null 2>&1
}

make_root() {
  local partial=$1.partial-$$
  mkdir -p "$(dirname "$1")"
  # Whoever clones has git, and by HTTPS the list of authorities.
  mmdebstrap --quiet --variant=minbase --include=git,ca-certificates bookworm "$partial" http://deb.debian.org/debian
  own_certificates "$partial"
  mkdir -p "$partial"/origin "$partial"/opt/rust "$partial"/usr/local/go
  # Another may have been faster; its root is the same.
  mv --no-target-directory "$partial" "$1" || rm -rf "$partial"
}

# over LOWER NAME PLACE: what is written there goes to SCRATCH.
over() {
  mkdir -p "$SCRATCH/over/$2" "$SCRATCH/work/$2" "$3"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$SCRATCH/over/$2,workdir=$SCRATCH/work/$2" "$3"
}

inside() {
  local base=$1 path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin caches=0 online=yes
  SCRATCH=$2
  local repository=$3 root=$2/root device
  shift 3
  over "$base" root "$root"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root"/dev/{pts,shm}
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s fd/0 "$root/dev/stdin"
  ln -s fd/1 "$root/dev/stdout"
  ln -s fd/2 "$root/dev/stderr"
  mount --bind -o ro "$repository" "$root/origin"
  while (($#)); do
    case $1 in
      --offline) online=no; shift ;;
      --rust) mount --bind -o ro "$2" "$root/opt/rust"; path=/opt/rust/bin:$path; shift 2 ;;
      --go) mount --bind -o ro "$2" "$root/usr/local/go"; path=/usr/local/go/bin:$path; shift 2 ;;
      --cache)
        caches=$((caches + 1))
        if [[ -d $2 ]]; then over "$2" "cache-$caches" "$root$3"; fi
        shift 3
        ;;
      *) break ;;
    esac
  done
  # Names are found as on this machine.
  if [[ $online == yes ]]; then
    cp /etc/resolv.conf "$root/etc/resolv.conf"
  else
    # No second try where no first one can go well.
    echo 'Acquire::Retries "0";' >"$root/etc/apt/apt.conf.d/offline"
  fi
  exec chroot "$root" /usr/bin/env -i HOME=/root PATH="$path" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "$@"
}

enter() {
  local network=()
  if [[ " $* " == *" --offline "* ]]; then network=(--net); fi
  exec unshare --mount --pid --ipc --uts --fork --kill-child "${network[@]}" "$0" inside "$@"
}

((EUID == 0)) || { echo "error: a clean root is made and entered by root alone" >&2; exit 1; }
command=$1
shift
case $command in
  make) make_root "$@" ;;
  enter) enter "$@" ;;
  inside) inside "$@" ;;
  *) echo "usage: clean-root.sh make|enter" >&2; exit 64 ;;
esac
