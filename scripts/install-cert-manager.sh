#!/usr/bin/env bash
# Installs cert-manager in the current cluster and waits until it is ready.
#
#   scripts/install-cert-manager.sh
#
# Needs kubectl and helm. CERT_MANAGER_CHART names a chart on this machine, where its repository cannot be reached; CERT_MANAGER_CHART_VALUES a file of
# values for it. Leaves the namespace `cert-manager`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

CERT_MANAGER_VERSION=v1.21.2
case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_cluster
need_tool helm "https://helm.sh/docs/intro/install/"
chart=(cert-manager --repo https://charts.jetstack.io --version "$CERT_MANAGER_VERSION")
if [[ -n ${CERT_MANAGER_CHART-} ]]; then chart=("$CERT_MANAGER_CHART"); fi
if [[ -n ${CERT_MANAGER_CHART_VALUES-} ]]; then chart+=(--values "$CERT_MANAGER_CHART_VALUES"); fi
helm upgrade --install cert-manager "${chart[@]}" --namespace cert-manager --create-namespace --set crds.enabled=true --wait --timeout 5m >/dev/null ||
  die "helm could not install cert-manager"
say "cert-manager: ready"
