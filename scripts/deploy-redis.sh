#!/usr/bin/env bash
# Installs Redis beside the suite, for a place that brings none: with a volume, and a random password that is kept as the secret `outrigger-redis`.
#
#   scripts/deploy-redis.sh [--image IMAGE:TAG]
#
# Run again it keeps password and data. Afterwards REDIS_HOST of scripts/create-cloud-secrets.sh is redis:6379, and REDIS_PASSWORD what the secret
# has. Needs kubectl and openssl. Leaves the namespace `outrigger`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_secrets.sh
source "$ROOT/scripts/_secrets.sh"
cd "$ROOT"

IMAGE=""
while (($#)); do
  case $1 in
    --image) (($# >= 2)) || die "--image needs a value"; IMAGE=$2; shift 2 ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (known: --image)" ;;
  esac
done
need_cluster
need_tool openssl "install the package openssl"

begin_secrets
value outrigger-redis/password random
secret outrigger-redis "host=$(text redis:6379)" "password=$VALUE"
send_secrets

mkdir -p .run/deploy-redis
{
  echo "namespace: $NAMESPACE"
  echo "resources: [../../k8s/redis]"
  if [[ -n $IMAGE ]]; then echo "images: [{ name: redis, newName: ${IMAGE%:*}, newTag: '${IMAGE##*:}' }]"; fi
} >.run/deploy-redis/kustomization.yaml
kube apply --server-side --force-conflicts -k .run/deploy-redis >/dev/null
kube rollout status statefulset/redis --timeout=180s >/dev/null || die "Redis did not become ready; 'kubectl -n $NAMESPACE describe statefulset/redis' says why"
say "Redis: ready at redis:6379"
