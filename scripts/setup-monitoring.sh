#!/usr/bin/env bash
# Installs Prometheus with the suite's alerts in kubectl's current cluster, in a namespace of its own; a second run changes nothing.
#
#   scripts/setup-monitoring.sh [--grafana] [--loki] [--zipkin] [--server IMAGE=IMAGE:TAG]...
#
# --grafana adds Grafana with its sources and dashboards, and makes the secret `grafana-admin` where it is missing. --loki adds Loki and what
# brings it the lines of all pods. --zipkin adds Zipkin beside the suite, where the overlay does not have it (k8s/local does). --server is
# another image, where the usual one (such as prom/prometheus) cannot be pulled. Needs kubectl, and openssl for --grafana. Leaves the namespace
# `monitoring`, the role `outrigger-prometheus`, and of --loki the role `collector` in `outrigger`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

SERVERS=()
PARTS=(prometheus)
ZIPKIN=no GRAFANA=no
while (($#)); do
  case $1 in
    --grafana) GRAFANA=yes; PARTS+=(grafana); shift ;;
    --loki) PARTS+=(loki); shift ;;
    --zipkin) ZIPKIN=yes; shift ;;
    --server) (($# >= 2)) || die "--server needs a value"; SERVERS+=("$2"); shift 2 ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (see --help)" ;;
  esac
done
need_cluster
if [[ $GRAFANA == yes ]]; then need_tool openssl "install the package openssl"; fi

monitoring() { kubectl --namespace monitoring "$@"; }

# lay_out FOLDER...: as they are, but for the images of --server.
lay_out() {
  local server reference folder
  mkdir -p .run/monitoring
  {
    echo "resources:"
    for folder in "$@"; do echo "  - ../../monitoring/$folder"; done
    echo "images:"
    for server in "${SERVERS[@]}"; do
      reference=${server#*=}
      echo "  - { name: ${server%%=*}, newName: ${reference%:*}, newTag: '${reference##*:}' }"
    done
  } >.run/monitoring/kustomization.yaml
}

# ready KIND/NAME: waits for its pod.
ready() {
  monitoring rollout status "$1" --timeout=180s >/dev/null ||
    die "${1#*/} did not become ready; 'kubectl -n monitoring describe $1' says why"
}

lay_out "${PARTS[@]}"
kubectl apply --server-side --force-conflicts -k .run/monitoring >/dev/null
if [[ $GRAFANA == yes ]] && ! monitoring get secret grafana-admin >/dev/null 2>&1; then
  # Through a pipe: a command line is everyone's to read. The pod waits for it.
  openssl rand -hex 24 | tr -d '\n' |
    monitoring create secret generic grafana-admin --from-literal=user=admin --from-file=password=/dev/stdin >/dev/null
fi
if [[ $ZIPKIN == yes ]]; then
  lay_out zipkin
  kube apply --server-side --force-conflicts -k .run/monitoring >/dev/null
  kube rollout status deployment/zipkin --timeout=180s >/dev/null || die "Zipkin did not become ready; 'kubectl -n outrigger describe pod -l app.kubernetes.io/name=zipkin' says why"
fi
ready statefulset/prometheus
for part in "${PARTS[@]:1}"; do
  case $part in
    grafana) ready deployment/grafana ;;
    loki) ready statefulset/loki; ready deployment/collector ;;
  esac
done
say "Prometheus watches. Open a way to it with"
say "  kubectl -n monitoring port-forward service/prometheus 9090    then http://localhost:9090"
if [[ $GRAFANA == yes ]]; then
  say "  kubectl -n monitoring port-forward service/grafana 3000    then http://localhost:3000, as admin; its password is what"
  say "  kubectl -n monitoring get secret grafana-admin -o jsonpath='{.data.password}' | base64 -d    prints"
fi
