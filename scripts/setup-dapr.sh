#!/usr/bin/env bash
# Installs Dapr's control plane in the current cluster and waits until it is healthy. What is there in the right version is left alone.
#
#   scripts/setup-dapr.sh
#
# Needs kubectl and helm. DAPR_CHART names a chart on this machine, where its repository cannot be reached; DAPR_CHART_VALUES a file of
# further values. Leaves the release `dapr` in the namespace `dapr-system`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_cluster

# healthy: every part of the control plane runs in this version.
healthy() {
  local part
  for part in deployment/dapr-operator deployment/dapr-sentry deployment/dapr-sidecar-injector statefulset/dapr-scheduler-server; do
    kubectl --namespace dapr-system rollout status "$part" --timeout=2s >/dev/null 2>&1 || return
  done
  [[ $(kubectl --namespace dapr-system get deployment dapr-sidecar-injector -o jsonpath='{.spec.template.spec.containers[0].image}') == *:"$DAPR_VERSION"* ]]
}

# configuration_first CHART OPTION...: what Helm makes last, with the marks by which it takes it over. Sentry and operator end without it and come
# back with growing pauses: with it Dapr is there in half the time. The definitions, too, which Helm leaves as they are when it updates.
configuration_first() {
  kubectl create namespace dapr-system --dry-run=client -o yaml | kubectl apply --server-side -f - >/dev/null &&
    helm show crds "$1" | kubectl apply --server-side --force-conflicts -f - >/dev/null &&
    kubectl wait --for=condition=Established crd/configurations.dapr.io --timeout=30s >/dev/null &&
    helm template dapr "$@" --show-only charts/dapr_config/templates/dapr_default_config.yaml |
    kubectl annotate --local -f - -o yaml meta.helm.sh/release-name=dapr meta.helm.sh/release-namespace=dapr-system |
    kubectl label --local --overwrite -f - -o yaml app.kubernetes.io/managed-by=Helm |
    kubectl apply --server-side --force-conflicts -f - >/dev/null
}

if healthy; then
  say "Dapr $DAPR_VERSION: there already"
else
  need_tool helm "https://helm.sh/docs/intro/install/"
  say "Dapr $DAPR_VERSION: installing"
  chart=${DAPR_CHART-}
  if [[ -z $chart ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    helm pull dapr --repo https://dapr.github.io/helm-charts --version "$DAPR_VERSION" --destination "$folder" ||
      die "helm could not fetch the chart of Dapr $DAPR_VERSION; DAPR_CHART may name one on this machine"
    chart=$folder/dapr-$DAPR_VERSION.tgz
  fi
  options=("$chart" --namespace dapr-system)
  if [[ -n ${DAPR_CHART_VALUES-} ]]; then options+=(--values "$DAPR_CHART_VALUES"); fi
  options+=(--set "global.tag=$DAPR_VERSION" --set dapr_sidecar_injector.sidecarDropALLCapabilities=true)
  configuration_first "${options[@]}" || die "the cluster did not take Dapr's definitions and configuration"
  helm upgrade --install dapr "${options[@]}" --skip-crds --wait --timeout 5m >/dev/null ||
    die "helm could not install Dapr; 'kubectl --namespace dapr-system get pods' says how far it came"
fi
# The injector lets a pod pass without a sidecar while it cannot be reached, and says nothing.
healthy || die "Dapr is not healthy; 'kubectl --namespace dapr-system get pods' says which part is not"
