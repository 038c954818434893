#!/usr/bin/env bash
# Installs Prometheus with the suite's alerts in kubectl's current cluster, in a namespace of its own; a second run changes nothing.
#
#   scripts/setup-monitoring.sh [--server prom/prometheus=IMAGE:TAG]
#
# --server is another image, where the usual one cannot be pulled. Needs kubectl. Leaves the namespace `monitoring`; removed with it.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

SERVERS=()
while (($#)); do
  case $1 in
    --server) (($# >= 2)) || die "--server needs a value"; SERVERS+=("$2"); shift 2 ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (see --help)" ;;
  esac
done
need_cluster

mkdir -p .run/monitoring
{
  echo "resources: [../../monitoring/prometheus]"
  echo "images:"
  for server in "${SERVERS[@]}"; do
    reference=${server#*=}
    echo "  - { name: ${server%%=*}, newName: ${reference%:*}, newTag: '${reference##*:}' }"
  done
} >.run/monitoring/kustomization.yaml
kubectl apply --server-side --force-conflicts -k .run/monitoring >/dev/null
kubectl --namespace monitoring rollout status statefulset/prometheus --timeout=180s >/dev/null ||
  die "Prometheus did not become ready; 'kubectl -n monitoring describe pod prometheus-0' says why"
say "Prometheus watches. Open a way to it with"
say "  kubectl -n monitoring port-forward service/prometheus 9090    then http://localhost:9090"
