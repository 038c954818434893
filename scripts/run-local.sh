#!/usr/bin/env bash
# Brings up the suite on this machine and prints its address; Ctrl-C stops it.
#
#   scripts/run-local.sh [--components local|kafka|cloud] [--replicas app=n] [--logs] [--port 7100] [--no-zipkin] [--monitoring] [--jobs] [--parts-only]
#
# Needs Rust (https://rustup.rs), Go 1.26 (https://go.dev/dl) or the Dapr CLI, and apt or brew; installs the rest. Leaves data in .run/, programs in ~/.cache/outrigger.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
cd "$ROOT"

if [[ " $* " =~ " "(-h|--help)" " ]]; then help_of "${BASH_SOURCE[0]}"; exit; fi
if [[ " $* " == *" --monitoring "* ]]; then need_prometheus; fi
java=yes
if [[ " $* " == *" --no-zipkin "* && " $* " != *kafka* && " $* " != *cloud* ]]; then java=no; fi
prepare "$java"
if [[ " $* " == *" --jobs "* ]]; then need_scheduler; fi
cargo build --locked
exec target/debug/outrigger dev "$@"
