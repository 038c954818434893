#!/usr/bin/env bash
# Takes one guard out of a copy of the repository, runs the one test that must notice, and expects it to fail.
#
#   scripts/mutate.sh GUARD...     guards of tests/guards.txt
#   scripts/mutate.sh --all
#
# Needs git and what scripts/run-local.sh needs. The copy and what is built from it stay in target/mutate, so that the next guard builds only
# what it changes. The repository itself is not touched. Ends with 0 when every test failed for the reason that tests/guards.txt states.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
case ${1-} in -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;; esac
LIST=$ROOT/tests/guards.txt
COPY=$ROOT/target/mutate
OUTPUT=$COPY.log
# Where the parts of the test run; not below the repository, whose path may be too long for a socket.
PLACE=$(mktemp -d)
# PostgreSQL runs as another user where we are root.
chmod 755 "$PLACE"
trap 'rm -rf "$PLACE"' EXIT

guards() { grep -v '^#' "$LIST" | grep . ; }

names() { guards | awk -F ' :: ' '{ print $1 }'; }

# field GUARD NUMBER: one field of a guard's line.
field() { guards | awk -F ' :: ' -v guard="$1" -v number="$2" '$1 == guard { print $number }'; }

# What is tracked or new, nothing that is ignored. A file is written only where it differs: a restored file is then newer than what was
# built from the mutated one, so cargo builds it again.
copy() {
  local file
  mkdir -p "$COPY"
  while IFS= read -r -d '' file; do
    [[ -f $ROOT/$file ]] || continue
    cmp -s "$ROOT/$file" "$COPY/$file" && continue
    mkdir -p "$COPY/$(dirname "$file")"
    cp "$ROOT/$file" "$COPY/$file"
    if [[ -x $ROOT/$file ]]; then chmod +x "$COPY/$file"; fi
  done < <(git -C "$ROOT" ls-files -z --cached --others --exclude-standard)
  # What was deleted since: only where source files are, never in the copy's own target.
  while IFS= read -r -d '' file; do
    [[ -f $ROOT/$file ]] || rm -f "$COPY/$file"
  done < <(cd "$COPY" && find apps crates tests docs components scripts -type f -print0)
}

# The crates of others are the same in the copy: what was built of them is linked, not built again. Cargo writes into fingerprints and
# build folders in place, so those are copied; a library is always written anew, so a link to it is safe.
seed() {
  [[ -d $COPY/target/debug/deps || ! -d $ROOT/target/debug/deps ]] && return
  mkdir -p "$COPY/target/debug"
  cp -a "$ROOT/target/debug/.fingerprint" "$ROOT/target/debug/build" "$COPY/target/debug/"
  cp -al "$ROOT/target/debug/deps" "$COPY/target/debug/deps"
}

# in_copy APPS COMMAND...: not incremental, because what is linked from the repository's own target must never be written in place.
in_copy() (
  local apps=$1
  shift
  cd "$COPY"
  env CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$COPY/target" OUTRIGGER_APPS="$apps" TMPDIR="$PLACE" "$@"
)

# mutate GUARD: 0 when its test failed as it should.
mutate() {
  local guard=$1 test apps file patch words app start=$SECONDS
  test=$(field "$guard" 2) apps=$(field "$guard" 3) file=$(field "$guard" 4) patch=$(field "$guard" 5) words=$(field "$guard" 6)
  copy
  seed
  sed -i "$patch" "$COPY/$file"
  if cmp -s "$ROOT/$file" "$COPY/$file"; then die "$guard: the patch changes nothing in $file"; fi
  local packages=(-p tests)
  for app in ${apps//,/ }; do packages+=(-p "$app"); done
  if ! {
    in_copy "$apps" cargo build --locked --quiet "${packages[@]}" &&
      in_copy "$apps" cargo test --locked --quiet -p tests --test it --no-run
  } >"$OUTPUT" 2>&1; then
    die "$guard: the mutated copy does not build: $(tail -n 20 "$OUTPUT")"
  fi
  in_copy "$apps" cargo test --locked --quiet -p tests --test it -- --exact "$test" >"$OUTPUT" 2>&1 || true
  if ! grep -q '^test result: FAILED. 0 passed; 1 failed' "$OUTPUT"; then
    tail -n 20 "$OUTPUT" >&2
    say "GREEN  $guard: $test did not notice that the guard is off"
    return 1
  fi
  if ! grep -qF -- "$words" "$OUTPUT"; then
    tail -n 20 "$OUTPUT" >&2
    say "OTHER  $guard: $test failed, but does not say \"$words\""
    return 1
  fi
  say "red    $guard: $test ($((SECONDS - start)) s)"
}

[[ $# -gt 0 ]] || die "which guard? $(names | tr '\n' ' ')"
if [[ $1 == --all ]]; then mapfile -t WANTED < <(names); else WANTED=("$@"); fi
# A name that is none costs no build.
for guard in "${WANTED[@]}"; do [[ -n $(field "$guard" 2) ]] || die "there is no guard $guard; the guards are: $(names | tr '\n' ' ')"; done
need_tool git "install the package git"
prepare yes
FAILED=0
for guard in "${WANTED[@]}"; do mutate "$guard" || FAILED=1; done
exit "$FAILED"
