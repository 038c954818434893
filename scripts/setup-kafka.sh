#!/usr/bin/env bash
# Installs Strimzi in the current cluster and starts Kafka with every topic of the suite; waits until both are ready.
#
#   scripts/setup-kafka.sh
#
# Needs kubectl and helm. Leaves the namespace `kafka`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

STRIMZI_VERSION=0.48.0

case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_cluster
if kubectl --namespace kafka wait --for=condition=Ready kafka/outrigger --timeout=2s >/dev/null 2>&1; then
  say "Kafka: there already"
else
  need_tool helm "https://helm.sh/docs/intro/install/"
  say "Strimzi $STRIMZI_VERSION: installing"
  helm upgrade --install strimzi oci://quay.io/strimzi-helm/strimzi-kafka-operator --version "$STRIMZI_VERSION" \
    --namespace kafka --create-namespace --wait --timeout 5m >/dev/null || die "helm could not install Strimzi"
fi
kubectl apply --server-side --force-conflicts -k "$ROOT/k8s/kafka" >/dev/null
kubectl --namespace kafka wait --for=condition=Ready kafka/outrigger --timeout=300s >/dev/null ||
  die "Kafka did not become ready; 'kubectl --namespace kafka get kafka,pods' says how far it came"
kubectl --namespace kafka wait --for=condition=Ready kafkatopic --all --timeout=120s >/dev/null || die "not every topic was made"
say "Kafka: ready with $(kubectl --namespace kafka get kafkatopics --no-headers | wc -l) topics"
