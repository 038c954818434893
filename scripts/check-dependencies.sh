#!/usr/bin/env bash
# Fails when a dependency is known to be vulnerable, was withdrawn, or breaks a rule of deny.toml, with cargo-deny.
#
#   scripts/check-dependencies.sh
#
# Needs Rust, and the network for the list of advisories. Where cargo-deny is missing it installs a C compiler and leaves cargo-deny in
# ~/.cache/outrigger: about four minutes, once per machine.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

CARGO_DENY_VERSION=0.20.2
case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_rust
if [[ $("$CACHE/bin/cargo-deny" --version 2>/dev/null) != "cargo-deny $CARGO_DENY_VERSION" ]]; then
  need_cc
  install_missing
  say "Building cargo-deny $CARGO_DENY_VERSION, once per machine."
  cargo install --locked --quiet --root "$CACHE" "cargo-deny@$CARGO_DENY_VERSION" || die "cargo-deny could not be built"
fi
"$CACHE/bin/cargo-deny" --locked check
