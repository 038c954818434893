#!/usr/bin/env bash
# Deploys a release to a cluster that people reach: looks whether all it needs is there, applies, waits, validates, and takes the apps back to
# the release before when they do not become ready or the validation fails.
#
#   scripts/deploy-cloud.sh --host tasks.example.org --mail admin@example.org --registry registry.example/team --tag TAG
#                           [--cluster k3s|existing] [--overlay k8s/cloud] [--no-validate]
#
# Needs kubectl and curl; the images of TAG in the registry (scripts/build-images.sh --push), and in the cluster Dapr (scripts/setup-dapr.sh),
# Traefik and cert-manager (scripts/install-traefik.sh, scripts/install-cert-manager.sh) and the secrets (scripts/create-cloud-secrets.sh).
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

HOST="" MAIL="" REGISTRY="" TAG="" CLUSTER=existing OVERLAY=k8s/cloud VALIDATE=yes
while (($#)); do
  case $1 in
    --host | --mail | --registry | --tag | --cluster | --overlay)
      (($# >= 2)) || die "$1 needs a value"
      name=${1#--}
      printf -v "${name^^}" '%s' "$2"
      shift 2
      ;;
    --no-validate) VALIDATE=no; shift ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (see --help)" ;;
  esac
done
for name in HOST MAIL REGISTRY TAG; do [[ -n ${!name} ]] || die "--${name,,} is missing (see --help)"; done
case $CLUSTER in
  existing) ;;
  k3s) export KUBECONFIG=${KUBECONFIG:-$HOME/.kube/k3s.yaml} ;;
  *) die "--cluster is k3s or existing, not $CLUSTER" ;;
esac
need_cluster

# What is missing is told at once, before anything is changed.
missing=()
kubectl --namespace dapr-system rollout status deployment/dapr-sidecar-injector --timeout=5s >/dev/null 2>&1 || missing+=("Dapr (scripts/setup-dapr.sh)")
kubectl get crd middlewares.traefik.io >/dev/null 2>&1 || missing+=("Traefik (scripts/install-traefik.sh)")
kubectl get crd clusterissuers.cert-manager.io >/dev/null 2>&1 || missing+=("cert-manager (scripts/install-cert-manager.sh)")
secrets=$(kube get secrets -o jsonpath='{.items[*].metadata.name}' 2>/dev/null || true)
for secret in outrigger-jwt outrigger-clients outrigger-redis outrigger-kafka outrigger-smtp outrigger-sms outrigger-db-tasks; do
  [[ " $secrets " == *" $secret "* ]] || missing+=("the secret $secret (scripts/create-cloud-secrets.sh)")
done
if ((${#missing[@]})); then
  printf 'missing: %s\n' "${missing[@]}" >&2
  die "nothing was changed"
fi

mkdir -p .run/deploy-cloud
{
  echo "resources: [../../$OVERLAY]"
  echo "images:"
  for app in "${APPS[@]}"; do echo "  - { name: outrigger/$app, newName: $REGISTRY/$app, newTag: '$TAG' }"; done
  told_release "$TAG"
} >.run/deploy-cloud/kustomization.yaml

# HOST and MAIL stand in the overlay where names of this place belong.
kubectl kustomize .run/deploy-cloud | sed -e "s|\bHOST\b|$HOST|g" -e "s|\bMAIL\b|$MAIL|g" |
  kube apply --server-side --force-conflicts -f - >/dev/null

# back WHY: the release before, and the reason.
back() {
  say "$1: going back"
  scripts/rollback.sh --no-validate || die "$1, and the release before did not come back either"
  die "$1; the release before runs again"
}

for app in "${APPS[@]}"; do
  kube rollout status "deployment/$app" --timeout=240s >/dev/null || back "$app of $TAG did not become ready"
done
if [[ $VALIDATE == yes ]]; then
  scripts/validate-deployment.sh || back "the validation of $TAG failed"
fi
say "$TAG runs at https://$HOST"
