#!/usr/bin/env bash
# Starts Minikube with what the suite needs: an ingress controller and metrics. What runs already is left alone.
#
#   scripts/setup-minikube.sh [--cpus 2] [--memory 6g] [--driver docker]
#
# Needs minikube and kubectl. Prints the line for /etc/hosts.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

CPUS=2 MEMORY=6g DRIVER=""
while (($#)); do
  case $1 in
    --cpus | --memory | --driver)
      (($# >= 2)) || die "$1 needs a value"
      name=${1#--}
      printf -v "${name^^}" '%s' "$2"
      shift 2
      ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (known: --cpus, --memory, --driver)" ;;
  esac
done
need_tool minikube "https://minikube.sigs.k8s.io/docs/start/"
need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"

if [[ $(minikube status --format '{{.Host}}' 2>/dev/null) == Running ]]; then
  say "Minikube: runs already"
else
  minikube start --cpus "$CPUS" --memory "$MEMORY" ${DRIVER:+--driver "$DRIVER"} || die "Minikube did not start; 'minikube logs' says why"
fi
enabled=$(minikube addons list --output json)
for addon in ingress metrics-server; do
  # `"ingress":{"Profile":"minikube","Status":"enabled"}`, on one line or on several.
  if tr -d '\n\t ' <<<"$enabled" | grep -q "\"$addon\":{[^}]*\"Status\":\"enabled\""; then continue; fi
  minikube addons enable "$addon" || die "Minikube could not enable $addon"
done
kubectl config use-context minikube >/dev/null
say "For pages and API by name, add this line to /etc/hosts:"
say "  $(minikube ip) outrigger.local todo-app.local"
