#!/usr/bin/env bash
# Refuses images that have not passed a stage: what TAG names must be, to the byte, what scripts/mark-images.sh has noted.
#
#   scripts/check-images.sh --stage staging --registry registry.example/team --tag TAG [APP...]
#
# Needs docker with buildx, signed in. Changes nothing.
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

# digest REFERENCE: of what it names; nothing, and docker says why, if that is nothing.
digest() { docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1" || true; }

refused=()
for image in "${CHOSEN[@]}"; do
  passed=$(digest "$REGISTRY/$image:$STAGE-$TAG")
  now=$(digest "$REGISTRY/$image:$TAG")
  if [[ -z $passed ]]; then
    refused+=("$image:$TAG has not passed $STAGE")
  elif [[ $passed != "$now" ]]; then
    refused+=("$image:$TAG is ${now:-gone}, and what passed $STAGE is $passed")
  fi
done
if ((${#refused[@]})); then
  printf 'refused: %s\n' "${refused[@]}" >&2
  die "$TAG may not go beyond $STAGE"
fi
say "$TAG has passed $STAGE: ${#CHOSEN[@]} images, the same to the byte"
