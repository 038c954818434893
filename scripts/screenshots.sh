#!/usr/bin/env bash
# Takes the pictures of docs/screenshots again, from the pages as they are: phone and desktop, light and dark.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
cd "$ROOT"

need chromium chromium chromium
need chromedriver chromium-driver chromedriver
prepare yes
cargo build --locked --workspace --bins
cargo run --locked --quiet -p tests --bin screenshots
ls -l docs/screenshots
