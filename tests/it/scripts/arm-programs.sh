#!/usr/bin/env bash
# Compiles the programs of the working tree for Arm on a machine of amd64, by what the first stage of the Dockerfile runs, and prints a folder: the root
# of the system in which that was done. The programs are in `programs` below it, and `usr/bin/qemu-aarch64` runs them.
#
#   arm-programs.sh
#
# The first time it takes half an hour, then what has changed. Compiler and libraries are Debian's, which has them for both processors.
# Needs apt-get, the package debian-archive-keyring, and a kernel that gives its caller namespaces.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
packages=(rustc cargo libstd-rust-dev:arm64 gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user bash dash coreutils findutils)
suite=forky
target=aarch64-unknown-linux-gnu
root=$HOME/.cache/outrigger/arm-$(sha256sum <<<"$suite ${packages[*]}" | cut -c1-12)

mkdir -p "$HOME/.cache/outrigger"
exec 9>"$HOME/.cache/outrigger/arm.lock"
flock 9

# The packages are only unpacked: what they would do when they are installed is for a system that starts.
if [[ ! -d $root ]]; then
  echo "Fetching a compiler for Arm, once per machine: 410 MB, 2 GB unpacked." >&2
  rm -rf "$HOME"/.cache/outrigger/arm-*
  partial=$root.partial apt=$root.partial/apt
  mkdir -p "$partial/root" "$apt/state/lists/partial" "$apt/cache/archives/partial"
  touch "$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$apt/sources"
  options=(-qq -o "Dir::Etc::sourcelist=$apt/sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status"
    -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)" -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" install --yes --download-only --no-install-recommends "${packages[@]}" >&2
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$partial/root"; done
  # What would be made by installing gcc.
  ln -s gcc "$partial/root/usr/bin/cc"
  mkdir -p "$partial/root"/{suite,usr/local/cargo/registry}
  mv "$partial/root" "$root"
  rm -rf "$partial"
fi

# The files as git knows them, with what has changed since: a file that stays the same stays as old as it is, and cargo compiles what is newer.
tree=$(git stash create)
GIT_INDEX_FILE=$root/index GIT_WORK_TREE=$root/suite git read-tree --reset -u "${tree:-HEAD}"
cargo fetch --quiet --locked --manifest-path "$root/suite/Cargo.toml" >&2

# The last command of the first stage, but for the answer to which processor this is, and Docker's own words.
run=$(sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' Dockerfile | sed -nE '/^RUN /{s///;s/--mount=[^ ]*//g;p;q}')
asked="\$(rustc --print host-tuple)"
[[ $run == *"$asked"* ]] || { echo "the Dockerfile asks in another way for the processor: $run" >&2; exit 1; }
run=${run//"$asked"/$target}
rm -rf "$root/programs"
# shellcheck disable=SC2016 # Expanded inside.
unshare --map-root-user --mount bash -euc '
  for folder in /dev /proc; do mount --rbind "$folder" "$1$folder"; done
  mount --bind "$2" "$1/usr/local/cargo/registry"
  exec env -i PATH=/usr/sbin:/usr/bin HOME=/root CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc chroot "$1" sh -euc "cd /suite; $3"
' bash "$root" "${CARGO_HOME:-$HOME/.cargo}/registry" "$run" >&2
echo "$root"
