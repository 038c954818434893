#!/usr/bin/env bash
# Notes in the registry that the images of TAG have passed a stage: each gets one more tag, STAGE-TAG. scripts/check-images.sh reads it.
#
#   scripts/mark-images.sh --stage staging --registry registry.example/team --tag TAG [APP...]
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

STAGE="" REGISTRY="" TAG=""
read_arguments "stage registry tag" "$@"

for image in "${CHOSEN[@]}"; do
  # The same digest again: an image of one platform is not wrapped in a list.
  docker buildx imagetools create --prefer-index=false --tag "$REGISTRY/$image:$STAGE-$TAG" "$REGISTRY/$image:$TAG"
done
say "$TAG has passed $STAGE"
