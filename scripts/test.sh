#!/usr/bin/env bash
# Everything that must hold: form, lints, documentation, unit tests, then the stories on Redis and on Kafka with the real parts.
#
#   scripts/test.sh [--long] [FILTER]
#
# FILTER runs only the stories whose name contains it. --long adds soak and load.
# Needs what scripts/run-local.sh needs, and installs it. Leaves nothing but target/ and what failed tests keep.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
cd "$ROOT"

LONG=no
FILTER=()
for argument in "$@"; do
  case $argument in
    --long) LONG=yes ;;
    -*) die "unknown option $argument (known: --long)" ;;
    *) FILTER+=("$argument") ;;
  esac
done
export OUTRIGGER_LONG=$LONG

OUTPUT=$(mktemp)
trap 'rm -f "$OUTPUT"' EXIT
PASSED=0 FAILED=0
TIMES=()

# layer NAME BUDGET-IN-MINUTES COMMAND...: runs one layer, counts its tests (a command without tests counts as one) and keeps its time.
layer() {
  local name=$1 budget=$2 start=$SECONDS status=0 passed failed took
  shift 2
  say "== $name"
  "$@" 2>&1 | tee "$OUTPUT" || status=1
  took=$((SECONDS - start))
  read -r passed failed < <(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$OUTPUT")
  # What failed before it could count (it did not compile, it was killed) is a failure too.
  if ((status && failed == 0)); then failed=1; fi
  if ((passed + failed == 0)); then passed=1; fi
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
  TIMES+=("$(printf '%-10s %4d s of %4d s%s' "$name" "$took" "$((budget * 60))" "$( ((took > budget * 60)) && echo '  over its budget')")")
}

stories() {
  local set=$1
  shift
  OUTRIGGER_SET=$set cargo test --locked -p tests --no-fail-fast "$@" -- ${FILTER[@]+"${FILTER[@]}"}
}

scripts_are_clean() {
  need shellcheck shellcheck shellcheck
  install_missing
  shellcheck -x scripts/*.sh .ci/run
}

documentation() { RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet; }

prepare yes
layer build 15 cargo build --locked --workspace --all-targets
layer scripts 1 scripts_are_clean
layer fmt 1 cargo fmt --all --check
layer clippy 5 cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
layer doc 3 documentation
layer unit 3 cargo test --locked --workspace --lib --bins --no-fail-fast
layer crates 4 cargo test --locked --workspace --exclude tests --test '*' --no-fail-fast -- --test-threads=1
layer redis 6 stories local
layer kafka 5 stories kafka

say
printf '%s\n' "${TIMES[@]}"
say "$PASSED passed, $FAILED failed"
((FAILED == 0))
