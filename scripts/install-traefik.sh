#!/usr/bin/env bash
# Installs Traefik as the ingress controller of the current cluster and waits until it is ready.
#
#   scripts/install-traefik.sh
#
# Needs kubectl and helm. TRAEFIK_CHART names a chart on this machine, where its repository cannot be reached; TRAEFIK_CHART_VALUES a file of
# values for it. Leaves the namespace `traefik`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

TRAEFIK_CHART_VERSION=39.0.7
case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_cluster
need_tool helm "https://helm.sh/docs/intro/install/"
chart=(traefik --repo https://traefik.github.io/charts --version "$TRAEFIK_CHART_VERSION")
if [[ -n ${TRAEFIK_CHART-} ]]; then chart=("$TRAEFIK_CHART"); fi
if [[ -n ${TRAEFIK_CHART_VALUES-} ]]; then chart+=(--values "$TRAEFIK_CHART_VALUES"); fi
helm upgrade --install traefik "${chart[@]}" --namespace traefik --create-namespace --wait --timeout 5m >/dev/null ||
  die "helm could not install Traefik"
say "Traefik: ready"
