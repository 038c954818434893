#!/usr/bin/env bash
# Makes one image for both kinds of processor of what scripts/push-images.sh has sent, as TAG and as `latest`. A TAG that is there already
# stays what it is, so that a repeated run puts nothing else under the name of what was tested.
#
#   scripts/join-images.sh --registry registry.example/team --tag TAG [APP...]
#
# Needs docker with buildx, signed in.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_images.sh
source "$ROOT/scripts/_images.sh"

REGISTRY="" TAG=""
read_arguments "registry tag" "$@"

for image in "${CHOSEN[@]}"; do
  name=$REGISTRY/$image
  if docker buildx imagetools inspect "$name:$TAG" >/dev/null 2>&1; then
    say "$name:$TAG: there already"
    continue
  fi
  docker buildx imagetools create --tag "$name:$TAG" --tag "$name:latest" "$name:$TAG-amd64" "$name:$TAG-arm64"
done
