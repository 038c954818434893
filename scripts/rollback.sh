#!/usr/bin/env bash
# Takes every app back to the release before, or to a named one, waits, validates, and says what runs now.
#
#   scripts/rollback.sh [TAG] [--no-validate]
#
# Without TAG each app goes back to what it ran before its last change (`kubectl rollout undo`). Migrations stay: each release works with the
# schema of the next. Needs kubectl; works on kubectl's current context.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

TAG="" VALIDATE=yes
for argument in "$@"; do
  case $argument in
    --no-validate) VALIDATE=no ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    -*) die "unknown option $argument (known: --no-validate)" ;;
    *) TAG=$argument ;;
  esac
done
need_cluster

for app in "${APPS[@]}"; do
  if [[ -n $TAG ]]; then
    image=$(kube get deployment "$app" -o jsonpath='{.spec.template.spec.containers[0].image}')
    kube set image "deployment/$app" "$app=${image%:*}:$TAG" >/dev/null
  else
    kube rollout undo "deployment/$app" >/dev/null || die "$app has no release before this one"
  fi
done
for app in "${APPS[@]}"; do
  kube rollout status "deployment/$app" --timeout=240s >/dev/null || die "$app did not become ready; 'kubectl -n $NAMESPACE get pods' says why"
  printf '%-14s %s\n' "$app" "$(kube get deployment "$app" -o jsonpath='{.spec.template.spec.containers[0].image}')"
done
if [[ $VALIDATE == yes ]]; then "$ROOT/scripts/validate-deployment.sh"; fi
