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

if healthy; then
  say "Dapr $DAPR_VERSION: there already"
else
  need_tool helm "https://helm.sh/docs/intro/install/"
  chart=(dapr --repo https://dapr.github.io/helm-charts --version "$DAPR_VERSION")
  if [[ -n ${DAPR_CHART-} ]]; then chart=("$DAPR_CHART"); fi
  values=()
  if [[ -n ${DAPR_CHART_VALUES-} ]]; then values=(--values "$DAPR_CHART_VALUES"); fi
  say "Dapr $DAPR_VERSION: installing"
  helm upgrade --install dapr "${chart[@]}" --namespace dapr-system --create-namespace "${values[@]}" \
    --set global.tag="$DAPR_VERSION" --set dapr_sidecar_injector.sidecarDropALLCapabilities=true --wait --timeout 5m >/dev/null ||
    die "helm could not install Dapr; 'kubectl --namespace dapr-system get pods' says how far it came"
fi
# The injector lets a pod pass without a sidecar while it cannot be reached, and says nothing.
healthy || die "Dapr is not healthy; 'kubectl --namespace dapr-system get pods' says which part is not"
