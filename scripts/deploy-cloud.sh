#!/usr/bin/env bash
# Deploys a release to a cluster that people reach: looks whether all it needs is there, applies, waits, validates, also at the public address,
# and takes the apps back to what ran before when they do not become ready or the validation fails.
#
#   scripts/deploy-cloud.sh --host tasks.example.org --mail admin@example.org --registry registry.example/team --tag TAG
#                           [--cluster k3s|existing] [--overlay FOLDER] [--no-validate]
#
#   --overlay  k8s/cloud without it; k8s/staging and k8s/production are the same with their own values
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
[[ -f $OVERLAY/kustomization.yaml ]] || die "there is no overlay $OVERLAY"
need_cluster
need_tool curl "install the package curl"

# full_quotas: a line for each resource of which nothing is left.
# shellcheck disable=SC2016 # the template's own variables
full_quotas() {
  kube get resourcequotas -o go-template='{{range .items}}{{$quota := .metadata.name}}{{$used := .status.used}}
    {{- range $resource, $hard := .status.hard}}{{$quota}} {{$resource}} {{index $used $resource}} {{$hard}}{{"\n"}}{{end}}{{end}}' 2>/dev/null |
    awk '
      BEGIN { unit["m"] = 0.001; unit["k"] = 1e3; unit["M"] = 1e6; unit["G"] = 1e9; unit["Ki"] = 1024; unit["Mi"] = 1024 ^ 2; unit["Gi"] = 1024 ^ 3 }
      function number(quantity, letters) { letters = quantity; gsub(/[0-9.]/, "", letters); return quantity * (letters == "" ? 1 : unit[letters]) }
      NF == 4 && number($3) >= number($4)'
}

# What is missing is told at once, before anything is changed.
missing=()
kubectl --namespace dapr-system rollout status deployment/dapr-sidecar-injector --timeout=5s >/dev/null 2>&1 || missing+=("Dapr (scripts/setup-dapr.sh)")
kubectl get crd middlewares.traefik.io >/dev/null 2>&1 || missing+=("Traefik (scripts/install-traefik.sh)")
kubectl get crd clusterissuers.cert-manager.io >/dev/null 2>&1 || missing+=("cert-manager (scripts/install-cert-manager.sh)")
mapfile -t -O "${#missing[@]}" missing < <(missing_secrets)
while read -r quota resource used hard; do
  missing+=("room in the quota $quota ($used of $hard $resource are used: an update starts a pod more)")
done < <(full_quotas)
refuse_if_missing "${missing[@]}"

# Not the release before the last: applied again, the same release is no new one.
before=$(revisions)
remember <<<"$before"

mkdir -p .run/deploy-cloud
{
  echo "resources: [../../$OVERLAY]"
  echo "images:"
  for app in "${APPS[@]}"; do echo "  - { name: outrigger/$app, newName: $REGISTRY/$app, newTag: '$TAG' }"; done
  told_release "$TAG"
} >.run/deploy-cloud/kustomization.yaml

# HOST and MAIL stand in the overlay where names of this place belong. Rendered whole before anything is applied.
kubectl kustomize .run/deploy-cloud | sed -e "s|\bHOST\b|$HOST|g" -e "s|\bMAIL\b|$MAIL|g" >.run/deploy-cloud/objects.yaml

# back WHY: what ran before, and the reason.
back() {
  say "$1: going back"
  go_back || die "$1, and the release before did not come back either"
  die "$1; the release before runs again"
}

kube apply --server-side --force-conflicts -f .run/deploy-cloud/objects.yaml >/dev/null || back "the cluster refused $TAG"
for app in "${APPS[@]}"; do app_ready "$app" || back "$app of $TAG did not become ready"; done
if [[ $VALIDATE == yes ]]; then
  await_certificates || back "there is no certificate for $HOST"
  scripts/validate-deployment.sh --url "https://$HOST" || back "the validation of $TAG failed"
fi
say "$TAG runs at https://$HOST"
