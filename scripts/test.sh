#!/usr/bin/env bash
# Everything that must hold: form, lints, documentation, unit tests, then the stories with the real parts: contracts and flows on Redis and
# on Kafka, pages in Chromium, what kills parts at random on both, and, where there is a cluster, the suite in it.
#
#   scripts/test.sh [--long] [FILTER...]
#
# A FILTER runs only the stories whose name contains it. --long adds soak, load and programs for Arm.
# Needs what scripts/run-local.sh needs, a browser and Docker, and installs them. Leaves nothing but target/ and what failed tests keep.
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
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    -*) die "unknown option $argument (known: --long)" ;;
    *) FILTER+=("$argument") ;;
  esac
done
export OUTRIGGER_LONG=$LONG

# What the layers say of themselves, a file each: some run beside others.
WORK=$(mktemp -d)
SKIPPED=() ASIDE=""
clean_up() {
  # Ctrl-C reaches nothing of it.
  if [[ -n $ASIDE ]]; then end "$ASIDE"; fi
  rm -rf "$WORK"
}

# end PROCESS: with all that it started.
end() {
  local child
  for child in $(pgrep -P "$1"); do end "$child"; done
  kill "$1" 2>/dev/null || true
}
trap clean_up EXIT

# layer NAME BUDGET-IN-MINUTES COMMAND...: runs one layer, counts its tests (a command without tests counts as one) and keeps its time.
layer() {
  local name=$1 budget=$2 start=$SECONDS status=0 passed failed took output=$WORK/$1.output
  shift 2
  say "== $name"
  "$@" 2>&1 | tee "$output" || status=1
  took=$((SECONDS - start))
  read -r passed failed < <(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$output")
  # What failed before it could count (it did not compile, it was killed) is a failure too.
  if ((status && failed == 0)); then failed=1; fi
  if ((failed)); then
    say "== $name"
    if grep -q '^failures:$' "$output"; then sed -n '/^failures:$/,/^test result:/p' "$output"; else tail -n 40 "$output"; fi
  fi >"$WORK/$name.failures"
  if ((passed + failed == 0)); then passed=1; fi
  echo "$passed $failed" >"$WORK/$name.count"
  printf '%-12s %4d s of %4d s%s\n' "$name" "$took" "$((budget * 60))" "$( ((took > budget * 60)) && echo '  over its budget')" >"$WORK/$name.time"
}

# aside LAYERS: begins these layers, which mostly wait. Those that follow go on beside them, until `rejoin` shows what they said.
aside() {
  "$@" >"$WORK/aside" 2>&1 &
  ASIDE=$!
}

rejoin() {
  if [[ -z $ASIDE ]]; then return; fi
  # A failed layer has said so itself; this is one that ended all of them.
  wait "$ASIDE" || { echo "0 1" >"$WORK/aside.count"; tail -n 40 "$WORK/aside" >"$WORK/aside.failures"; }
  ASIDE=""
  cat "$WORK/aside"
}

# stories SET MINUTES PREFIXES [OPTION...]: the stories of one layer, without those that EXCEPT begins. One that hangs ends its layer after three times its budget: what it
# started ends with it, and the layers after it still have their turn.
stories() {
  local set=$1 minutes=$2 prefixes=$3 all name names=() limit=(env)
  shift 3
  all=$(cargo test --locked --quiet --workspace --test it -- --list --format terse) || return 1
  # What only reads files and asks scripts is the same on every set.
  if [[ -n ${EXCEPT-} ]]; then all=$(grep -Ev "^($EXCEPT)" <<<"$all"); fi
  if [[ $set != local ]]; then all=$(grep -Ev '^(brokers|cluster|compose|documents|requirements|scripts|settings|watchers|workflows|workspace)::' <<<"$all"); fi
  while IFS= read -r name; do names+=("$name"); done < <(sed -nE "s/^((.*::)?($prefixes).*): test$/\1/p" <<<"$all" | chosen)
  if ((${#names[@]} == 0)); then
    say "no story of this layer is asked for"
    # Without a filter that is a layer that lost its stories.
    ((${#FILTER[@]} > 0))
    return
  fi
  # At a terminal Ctrl-C ends it, which would not reach what runs below timeout.
  if have timeout && [[ ! -t 0 ]]; then limit=(timeout --kill-after=10 "$((minutes * 180))"); fi
  OUTRIGGER_SET=$set "${limit[@]}" cargo test --locked --workspace --test it --no-fail-fast -- --exact "$@" "${names[@]}"
}

# The names that the filters let through; all of them without a filter.
chosen() {
  if ((${#FILTER[@]})); then grep -F "${FILTER[@]/#/-e}" || true; else cat; fi
}

# OUTRIGGER_DEPLOY says what this cluster needs to be told, in the words of scripts/deploy-local.sh.
in_cluster() {
  local deploy
  have helm || die "the stories of the chart need helm: https://helm.sh/docs/intro/install/"
  read -ra deploy <<<"${OUTRIGGER_DEPLOY-}"
  layer deploy 3 scripts/deploy-local.sh --cluster existing "${deploy[@]}"
  # What looks or comes beside the suite has its turn at once; then, one after the other, what restarts and kills.
  local beside='cluster::(accepted|access|autoscaler|certificates|chart|network|story)::' looks='cluster::(monitoring|secrets)::'
  local load='cluster::(quickstart::|rollout::cluster_(a_pod|an_update))'
  layer cluster 3 stories local 3 "${beside}cluster_" --test-threads=3
  # A network that refuses learns of a new pod a moment after the pod is there: an update would fail requests that are not the suite's to keep.
  if [[ -n ${OUTRIGGER_POLICIES_OFF-} ]]; then $OUTRIGGER_POLICIES_OFF; fi
  layer cluster-load 3 stories local 3 "$load" --test-threads=1
  if [[ $LONG == yes ]]; then
    # Whole releases, other clouds, another broker, Helm, alerts that fire.
    EXCEPT="$beside|$load" layer cluster-more 50 stories local 50 cluster_ --test-threads=1
  else
    # What only reads has its turn beside the faults.
    aside layer cluster-looks 2 stories local 2 "${looks}cluster_" --test-threads=2
    EXCEPT="$beside|$load|$looks" layer cluster-faults 3 stories local 3 cluster_ --test-threads=1
    rejoin
  fi
  if [[ -z ${OUTRIGGER_POLICIES-} ]]; then
    SKIPPED+=("policies: OUTRIGGER_POLICIES is not set (see CONTRIBUTING.md); nobody saw the network refuse anything")
  fi
}

# What only tests need: a browser with a font, and what is loaded into its pages.
need_page_tools() {
  need chromium chromium chromium
  need chromedriver chromium-driver chromedriver
  # Without any font a page has no text, and every size on it is wrong.
  if have apt-get && ! compgen -G '/usr/share/fonts/*/*' >/dev/null; then MISSING+=(fonts-dejavu-core); fi
  if [[ -e tests/package.json ]]; then need npm npm node; fi
}

# The dates of recurring tasks are compared with those of another calendar.
need_second_calendar() {
  python3 -c 'import dateutil.rrule, zoneinfo' 2>/dev/null && return
  have apt-get || die "please install python-dateutil (python3 -m pip install python-dateutil), then run this again"
  MISSING+=(python3-dateutil tzdata)
}

page_tools() {
  [[ -e tests/package.json ]] || return 0
  mkdir -p target/npm
  if cmp -s tests/package-lock.json target/npm/package-lock.json && [[ -d target/npm/node_modules ]]; then return; fi
  cp tests/package.json tests/package-lock.json target/npm/
  npm ci --prefix target/npm --no-audit --no-fund --silent
}

scripts_are_clean() { shellcheck -x scripts/*.sh tests/it/scripts/*.sh .ci/*; }

documentation() { RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet; }

# What only a person can install is told before anything is built or installed.
need_rust
need shellcheck shellcheck shellcheck
need openssl openssl openssl
need_page_tools
need_second_calendar
need_prometheus
need_kustomize
need_actionlint
need_act
need_gitleaks
need_grafana_schema
need_docker
need_registry
# The machine that scripts are tried on is Debian's, and made by root alone.
if ((EUID == 0)) && have apt-get; then
  need mmdebstrap mmdebstrap mmdebstrap
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || MISSING+=(debian-archive-keyring)
else
  SKIPPED+=("new machine: it is made by root, with apt; nobody saw the scripts on one")
fi
# The shell has a kill of its own; tests want the program.
type -P kill >/dev/null || MISSING+=(procps)
prepare yes
need_buildx
need_compose
need_scheduler
layer build 15 cargo build --locked --workspace --all-targets
# For one story, before its layer counts minutes; a machine of that kind compiles for itself.
arm=workflows::arm::contract_the_images_for_arm_hold_programs_for_arm_and_a_person_is_told_by_them
if [[ $LONG == yes && $(uname -sm) == "Linux x86_64" && -n $(chosen <<<"$arm") ]]; then layer arm 30 tests/it/scripts/arm-programs.sh; fi
layer scripts 1 scripts_are_clean
layer fmt 1 cargo fmt --all --check
layer clippy 5 cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
layer doc 3 documentation
layer unit 3 cargo test --locked --workspace --lib --bins --no-fail-fast
# By target and not by package: of a part of the workspace, dependencies have other features and are compiled again.
targets() {
  local targets=()
  while [[ $1 != -- ]]; do targets+=(--test "$1"); shift; done
  cargo test --locked --workspace "${targets[@]}" --no-fail-fast "$@"
}

# Of stacks that take stated ports there can be one.
stacks() { layer stack 7 targets stack-it dev -- --test-threads=1; }

# The broker is away for ten minutes in the long run.
service() { layer service "$1" targets service-it -- --test-threads=4; }
sidecar() { layer sidecar 4 targets calendar-it sidecar-it -- --test-threads=4; }

# Stories mostly wait, each for its own people: more of them than processors at once.
told() {
  EXCEPT='scripts::fresh::contract_(the_one|what_only)' layer redis 6 stories local 6 'contract_|flow_' --test-threads=6
  layer kafka 5 stories kafka 5 'contract_|flow_' --test-threads=6
}

seen() {
  layer page-tools 1 page_tools
  layer pages "$1" stories local "$1" page_ --test-threads=3
}

# Every part is killed at random once on each set, five times with --long. What has nothing to do with the broker meets Kafka with --long
# only. These wait for what was killed: two have their turn at once, each with its own parts. Beside other layers they are not: a refusal within
# 10 ms and a start within half a minute are promised by a machine that is not full.
killed() {
  layer chaos 5 stories local 5 'chaos_(alerts|while|parts|three|answers|a_trace|a_kill|a_new|counts|nothing)' --test-threads=2
  # Beside another Kafka not every machine is ready within half a minute.
  layer order-kafka 2 stories kafka 2 chaos_parts
  layer chaos-kafka 3 stories kafka 3 'chaos_(a_trace|nothing)' --test-threads=2
}

waits() { stacks; service 5; sidecar; }

if [[ $LONG == yes ]]; then
  # Loads and soaks have the machine to themselves.
  stacks
  service 16
  sidecar
  told
  seen 6
  layer pages-kafka 8 stories kafka 8 page_ --test-threads=3
  layer chaos 15 stories local 15 chaos_ --test-threads=1
  layer chaos-kafka 15 stories kafka 15 chaos_ --test-threads=1
  # Everything is compiled there once more.
  layer new-machine 40 stories local 40 'contract_(the_one_command_of_the_readme|what_only_reads)'
  # One whole story: the apps cannot tell this set from the other, and text messages go to Twilio there.
  layer cloud 2 stories cloud 2 flow_a_person_is_told
else
  # What mostly waits, beside what mostly works.
  aside waits
  told
  # The pages cannot tell the sets from each other either: the whole story is seen on both, all others on Kafka with --long.
  layer pages-kafka 3 stories kafka 3 page_the_story
  seen 8
  rejoin
  killed
fi

# The suite in a cluster, deployed as a reader of the README would do it: kubectl's current one, or one that a command starts and ends.
case ${OUTRIGGER_CLUSTER-} in
  "") SKIPPED+=("cluster: OUTRIGGER_CLUSTER is not set (see CONTRIBUTING.md); nothing was deployed, no cluster_ story ran") ;;
  current) in_cluster ;;
  *)
    trap '"$OUTRIGGER_CLUSTER" down; clean_up' EXIT
    if said=$("$OUTRIGGER_CLUSTER" up); then eval "$said"; fi
    in_cluster
    ;;
esac

read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$WORK"/*.count)
say
# Once more at the end, where it is looked for first.
if ((failed)); then
  cat "$WORK"/*.failures
  say
fi
# In the order in which they ended.
while IFS= read -r file; do cat "$file"; done < <(ls -tr "$WORK"/*.time)
for what in "${SKIPPED[@]}"; do say "SKIPPED  $what"; done
say "$passed passed, $failed failed"
((failed == 0))
