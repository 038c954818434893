# shellcheck shell=bash
# Sourced by the scripts of this folder: says what happens, installs what is missing, finds or builds the sidecar.

DAPR_VERSION=1.18.2
CACHE=$HOME/.cache/outrigger

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# help_of SCRIPT: the comment at its head, which is its help.
help_of() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$1"; }

# need_tool PROGRAM WHERE-TO-GET-IT: what only a person can choose to install.
need_tool() { have "$1" || die "$1 is missing: $2"; }

# packages NAME...: by the system's package manager, or told to the reader where there is none that we know.
packages() {
  if have apt-get; then
    say "Installing: $*"
    apt_packages "$@" || die "apt-get could not install $*"
  elif have brew; then
    say "Installing: $*"
    brew install "$@" || die "brew could not install $*"
  else
    die "please install $*, then run this again (apt and brew are the package managers known here)"
  fi
}

# Only the programs are wanted: no server may start, and no database be made, because a package was installed.
apt_packages() (
  as_root=()
  if ((EUID != 0)); then
    have sudo || die "installing packages needs root: please run 'apt-get install $*' as root"
    as_root=(sudo)
  fi
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    # Expanded now: the function's variables are gone when the trap runs.
    # shellcheck disable=SC2064
    trap "${as_root[*]} rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
  fi
  if [[ ! -e /etc/postgresql-common ]]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.d/outrigger.conf >/dev/null
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
)

# need PROGRAM APT-PACKAGE BREW-PACKAGE: notes the package of a program that is missing, for `install_missing`.
MISSING=()
need() {
  have "$1" && return
  if have brew && ! have apt-get; then MISSING+=("$3"); else MISSING+=("$2"); fi
}

need_postgres() {
  have initdb && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  need initdb postgresql postgresql@17
}

# macOS has a /usr/bin/java that only says where to get Java.
need_java() {
  java -version >/dev/null 2>&1 || if have apt-get; then MISSING+=(openjdk-17-jre-headless); else MISSING+=(openjdk@17); fi
}

# With promtool, which tests the alerts.
need_prometheus() { need prometheus prometheus prometheus; }

install_missing() {
  ((${#MISSING[@]} == 0)) || packages "${MISSING[@]}"
  MISSING=()
}

need_rust() {
  have cargo && return
  [[ -x $HOME/.cargo/bin/cargo ]] || die "Rust is missing: install it from https://rustup.rs, then run this again"
  export PATH=$HOME/.cargo/bin:$PATH
}

# has_dapr PROGRAM: whether daprd or the scheduler is in PATH, where `dapr init` puts them or in the cache.
has_dapr() { have "$1" || [[ -x $HOME/.dapr/bin/$1 || -x $CACHE/bin/$1-$DAPR_VERSION ]]; }

# may_have_dapr PROGRAM: ends where it can be neither found nor built.
may_have_dapr() {
  has_dapr "$1" || have go || die "neither $1 nor Go is here: run 'dapr init --slim' (https://docs.dapr.io), or install Go 1.26 from https://go.dev/dl to build $1"
}

# need_dapr PROGRAM HOW-LONG: builds what is missing: minutes, once per machine.
need_dapr() {
  has_dapr "$1" && return
  may_have_dapr "$1"
  build_dapr "$1" "$2"
}

need_daprd() { need_dapr daprd "about 2 minutes to download and 6 to compile on 2 cores"; }

# Most of its packages are daprd's, which Go keeps: 300 of 1300 are its own, measured on 2 busy cores.
need_scheduler() { need_dapr scheduler "about 3 minutes on 2 cores where daprd was built before, else about 8"; }

# The sums of all modules are pinned in scripts/daprd/go.sum, and -mod=readonly refuses any other.
build_dapr() {
  local program=$1 package=github.com/dapr/dapr/cmd/$1 built=$CACHE/bin/$1-$DAPR_VERSION
  say "Building $program $DAPR_VERSION, once per machine: $2."
  mkdir -p "$CACHE/bin"
  local flags=(-mod=readonly -buildvcs=false -trimpath -tags allcomponents -ldflags "-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=$DAPR_VERSION")
  (
    cd "$ROOT/scripts/daprd"
    # `-v` names each package as it is compiled; the count is the progress.
    total=$(go list -deps -tags allcomponents "$package" | wc -l)
    set -o pipefail
    CGO_ENABLED=0 go build -v -o "$built.partial" "${flags[@]}" "$package" 2>&1 | count_lines "$total"
  ) || die "$program could not be built"
  # The scheduler has no --version; what it was built from is written into both.
  go version -m "$built.partial" | grep -E "github.com/dapr/dapr[[:space:]]+v$DAPR_VERSION" >/dev/null || die "the $program that was built is not $DAPR_VERSION"
  mv "$built.partial" "$built"
}

# Shows how many packages of TOTAL are done; a line that is no package name is an error and shown whole.
count_lines() {
  local done=0 line
  while IFS= read -r line; do
    if [[ $line == *[[:space:]]* ]]; then
      printf '%s\n' "$line" >&2
    else
      done=$((done + 1))
      if [[ -t 1 ]]; then printf '\r  %d of %d packages' "$done" "$1"; elif ((done % 200 == 0)); then say "  $done of $1 packages"; fi
    fi
  done
  if [[ -t 1 ]]; then printf '\n'; fi
}

# need_go_tool PROGRAM PACKAGE HOW-LONG [FOLDER]: finds it in PATH or in the cache, and builds it with the sums of scripts/FOLDER/go.sum, which is
# scripts/PROGRAM where none is named.
need_go_tool() {
  local program=$1 built=$CACHE/bin/$1 folder=${4-$1}
  have "$program" && return
  if [[ ! -x $built ]]; then
    have go || die "neither $program nor Go is here: install Go 1.26 from https://go.dev/dl"
    say "Building $program, once per machine: $3."
    mkdir -p "$CACHE/bin"
    (cd "$ROOT/scripts/$folder" && CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath -o "$built.partial" "$2") ||
      die "$program could not be built"
    mv "$built.partial" "$built"
  fi
  export PATH=$PATH:$CACHE/bin
}

# What renders the manifests: kubectl can, and where it is missing kustomize itself is built.
need_kustomize() { have kubectl || need_go_tool kustomize sigs.k8s.io/kustomize/kustomize/v5 "about a minute"; }

# What reads the workflows as GitHub will.
need_actionlint() { need_go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint "half a minute"; }

# What runs the workflows as GitHub's runner will, by another implementation of it, and what says which of them an event starts.
need_act() {
  need_go_tool act github.com/nektos/act "about two minutes"
  need_go_tool act-starts ./starts "a few seconds more" act
}

# What reads dashboards as Grafana will.
need_grafana_schema() { need_go_tool grafana-schema . "about a minute"; }

# What finds secrets in the history.
need_gitleaks() { need_go_tool gitleaks github.com/zricethezav/gitleaks/v8 "about two minutes"; }

# Docker, and what it comes without: the plugins that build and join images and that bring up compose files (Debian's has neither), and a registry to
# push to.
need_docker() { docker version >/dev/null 2>&1 || need dockerd docker.io docker; }
need_buildx() { docker buildx version >/dev/null 2>&1 || need_go_tool buildx github.com/docker/buildx/cmd/buildx "about three minutes"; }
need_compose() { docker compose version >/dev/null 2>&1 || need_go_tool compose github.com/docker/compose/v5/cmd "about three minutes"; }
need_registry() { need_go_tool registry github.com/distribution/distribution/v3/cmd/registry "about two minutes"; }

# Cargo links with it.
need_cc() { need cc build-essential gcc; }

# Everything but the apps themselves. Kafka and Zipkin run on Java and come from Maven. What only a person can install is told first: a machine
# that cannot go on gets no packages.
prepare() {
  local java=$1
  need_rust
  may_have_dapr daprd
  need redis-server redis-server redis
  need_postgres
  need_cc
  if [[ $java == yes ]]; then
    need_java
    need mvn maven maven
  fi
  install_missing
  need_daprd
}
