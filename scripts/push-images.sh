#!/usr/bin/env bash
# Sends the images that were built on this machine to the registry, as those of its processor: TAG-amd64 or TAG-arm64.
# scripts/join-images.sh makes TAG of both.
#
#   scripts/push-images.sh --registry registry.example/team --tag TAG [APP...]
#
# Needs docker, signed in, and the images of TAG (scripts/build-images.sh).
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

processor=$(docker version --format '{{.Server.Arch}}')
for image in "${CHOSEN[@]}"; do
  docker tag "$REGISTRY/$image:$TAG" "$REGISTRY/$image:$TAG-$processor"
  docker push "$REGISTRY/$image:$TAG-$processor"
done
