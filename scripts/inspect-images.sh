#!/usr/bin/env bash
# Looks into images as `docker save` writes them: one program and nothing else, that runs as nobody's root, says which release it is, and is not
# larger than it may be. One line an image; the exit code says whether all are so.
#
#   scripts/inspect-images.sh [--most MEGABYTES] ARCHIVE...
#   scripts/inspect-images.sh [--most MEGABYTES] --tag TAG [--registry registry.example/team] [APP...]     those that Docker has, all without APP
#
# --most is for what is sent, which is compressed: 12 without it. Needs tar and gzip, with --tag docker. Changes nothing.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_archives.sh
source "$ROOT/scripts/_archives.sh"

MOST=12 TAG="" REGISTRY=outrigger ARCHIVES=()
while (($#)); do
  case $1 in
    --most | --tag | --registry)
      (($# >= 2)) || die "$1 needs a value"
      name=${1#--}
      printf -v "${name^^}" '%s' "$2"
      shift 2
      ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    -*) die "unknown option $1 (see --help)" ;;
    *) ARCHIVES+=("$1"); shift ;;
  esac
done
[[ $MOST =~ ^[0-9]+$ ]] || die "--most is a number of megabytes, not $MOST"
if [[ -n $TAG ]]; then
  need_tool docker "https://docs.docker.com/engine/install/"
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  apps=("${ARCHIVES[@]:-${IMAGES[@]}}") ARCHIVES=()
  for app in "${apps[@]}"; do
    docker save --output "$WORK/$app.tar" "$REGISTRY/$app:$TAG" || die "docker has no $REGISTRY/$app:$TAG"
    ARCHIVES+=("$WORK/$app.tar")
  done
fi
((${#ARCHIVES[@]})) || die "which archive? (see --help)"

# said WHAT: of the configuration.
said() { sed -nE "s/.*\"$1\": *\[?\"([^\"]*)\".*/\1/p" <<<"$CONFIG"; }

FAILED=0
for archive in "${ARCHIVES[@]}"; do
  is_archive "$archive" || die "$archive is no image of docker's"
  problems=() size=0 files=""
  name=$(member "$archive" manifest.json | sed -nE 's/.*"RepoTags": *\["([^"]*)".*/\1/p')
  CONFIG=$(config "$archive")
  while read -r layer; do
    size=$((size + $(member "$archive" "$layer" | gzip -n | wc -c)))
    files+=$(member "$archive" "$layer" | tar -tf - | sed 's#^\./##')$'\n'
  done < <(layers "$archive")
  files=$(sed '/^$/d' <<<"$files")
  [[ $files == app ]] || problems+=("holds $(wc -l <<<"$files") files: $(head -n 5 <<<"$files" | tr '\n' ' ')")
  user=$(said User)
  [[ $user =~ ^[1-9][0-9]*(:[1-9][0-9]*)?$ ]] || problems+=("runs as '${user:-root}'")
  [[ $(said Entrypoint) == /app ]] || problems+=("starts '$(said Entrypoint)'")
  revision=$(said 'org\.opencontainers\.image\.revision')
  [[ -n $revision && $revision == "${name##*:}" ]] || problems+=("says it is '$revision', and its tag is ${name##*:}")
  version=$(said 'org\.opencontainers\.image\.version')
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] || problems+=("says it is version '$version'")
  ((size <= MOST * 1000000)) || problems+=("has more than $MOST MB")
  megabytes=$((size / 1000000)).$((size / 100000 % 10))
  if ((${#problems[@]})); then
    FAILED=1
    for problem in "${problems[@]}"; do say "FAIL  $name  $megabytes MB  $problem"; done
  else
    say "ok    $name  $megabytes MB"
  fi
done
exit "$FAILED"
