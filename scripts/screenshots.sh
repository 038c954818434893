#!/usr/bin/env bash
# Takes the pictures of docs/screenshots again, from the pages as they are: phone and desktop, light and dark.
#
#   scripts/screenshots.sh
#
# Needs what scripts/run-local.sh needs, and a browser, which it installs. Leaves target/ and the pictures.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
cd "$ROOT"

case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need chromium chromium chromium
need chromedriver chromium-driver chromedriver
prepare yes
cargo build --locked --workspace --bins
cargo run --locked --quiet -p tests --bin screenshots
ls -l docs/screenshots
