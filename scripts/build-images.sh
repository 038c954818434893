#!/usr/bin/env bash
# Builds the image of every app with Docker: one build of all programs, one small image each.
#
#   scripts/build-images.sh [--tag TAG] [--registry registry.example/team] [--push] [--platform linux/amd64,linux/arm64] [APP...]
#
# Without --registry the images are outrigger/<app>:TAG. --push sends them, also as `latest`; several platforms can only be pushed.
# Needs docker with buildx.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

TAG="" REGISTRY=outrigger PUSH=no PLATFORM="" CHOSEN=()
while (($#)); do
  case $1 in
    --tag | --registry | --platform)
      (($# >= 2)) || die "$1 needs a value"
      name=${1#--}
      printf -v "${name^^}" '%s' "$2"
      shift 2
      ;;
    --push) PUSH=yes; shift ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    -*) die "unknown option $1 (see --help)" ;;
    *)
      [[ " ${IMAGES[*]} " == *" $1 "* ]] || die "there is no app $1 (there are: ${IMAGES[*]})"
      CHOSEN+=("$1")
      shift
      ;;
  esac
done
if [[ $PLATFORM == *,* && $PUSH == no ]]; then die "several platforms can only be pushed: add --push"; fi
: "${TAG:=$(source_tag)}"
need_tool docker "https://docs.docker.com/engine/install/"

version=$(release_version)
for app in "${CHOSEN[@]:-${IMAGES[@]}}"; do
  arguments=(--build-arg "APP=$app" --build-arg "VERSION=$version" --build-arg "COMMIT=$TAG" --tag "$REGISTRY/$app:$TAG")
  if [[ -n $PLATFORM ]]; then arguments+=(--platform "$PLATFORM"); fi
  if [[ $PUSH == yes ]]; then arguments+=(--tag "$REGISTRY/$app:latest" --push); else arguments+=(--load); fi
  docker buildx build "${arguments[@]}" .
done
