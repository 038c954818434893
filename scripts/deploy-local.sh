#!/usr/bin/env bash
# From a clone to the running suite in a cluster on this machine: cluster, Dapr, database, broker, images, secrets, apps; then validates it.
#
#   scripts/deploy-local.sh [--cluster minikube|k3s|existing] [--pubsub redis|kafka [--brokers NAME:PORT,...]] [--tag TAG]
#                           [--load COMMAND [--binaries FOLDER]] [--server NAME=IMAGE] [--helm] [--rotate-secrets] [--no-validate]
#
# Run again it changes only what has changed. `existing` takes kubectl's current context.
#   --brokers  a Kafka that is there already, with the topics of k8s/kafka/kafka-topics.yaml, instead of Strimzi's
#   --tag      of the images; without it that of the commit, and where files are changed, of the changes
#   --load     instead of building images with Docker: called as `COMMAND outrigger/tasks:TAG target/release/tasks` for each, after cargo
#   --binaries where --load finds the programs, without building them
#   --server   another image for a server, such as postgres=registry.example/postgres:17; may be repeated
#   --helm     the chart k8s/helm-charts/outrigger instead of the overlays; into the namespace OUTRIGGER_NAMESPACE, if that is set
# Needs kubectl, openssl, curl, helm for Dapr, Kafka and --helm, minikube for Minikube, and docker unless there is --load,
# which without --binaries needs Rust and a C compiler. Leaves the namespaces `outrigger` and `dapr-system`.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

CLUSTER=minikube PUBSUB=redis BROKERS="" TAG="" LOAD="" BINARIES="" SERVERS=() HELM=no ROTATE=no VALIDATE=yes
while (($#)); do
  case $1 in
    --cluster | --pubsub | --brokers | --tag | --load | --binaries | --server)
      (($# >= 2)) || die "$1 needs a value"
      name=${1#--}
      if [[ $name == server ]]; then SERVERS+=("$2"); else printf -v "${name^^}" '%s' "$2"; fi
      shift 2
      ;;
    --helm) HELM=yes; shift ;;
    --rotate-secrets) ROTATE=yes; shift ;;
    --no-validate) VALIDATE=no; shift ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (see --help)" ;;
  esac
done
case $PUBSUB in
  redis) OVERLAY=k8s/local OTHER_READERS=read-outrigger-kafka ;;
  kafka) OVERLAY=k8s/local/kafka OTHER_READERS=read-outrigger-redis-broker ;;
  *) die "--pubsub is redis or kafka, not $PUBSUB" ;;
esac
if [[ -n $BROKERS && $PUBSUB != kafka ]]; then die "--brokers goes with --pubsub kafka"; fi
if [[ $HELM == no && $NAMESPACE != outrigger ]]; then die "OUTRIGGER_NAMESPACE is $NAMESPACE: only --helm deploys to another namespace than outrigger"; fi
[[ $CLUSTER =~ ^(minikube|k3s|existing)$ ]] || die "--cluster is minikube, k3s or existing, not $CLUSTER"
: "${TAG:=$(source_tag)}"

# What is missing is told before a cluster is started.
need_tool openssl "install the package openssl"
need_tool curl "install the package curl"
if [[ -n $LOAD && -z $BINARIES ]]; then
  need_rust
  need_tool cc "install a C compiler (Debian: build-essential, macOS: xcode-select --install)"
fi
if [[ $HELM == yes ]]; then need_tool helm "https://helm.sh/docs/intro/install/"; fi
if [[ -z $LOAD && $CLUSTER != existing ]]; then need_tool docker "https://docs.docker.com/engine/install/"; fi

say "== cluster"
case $CLUSTER in
  minikube) scripts/setup-minikube.sh ;;
  k3s)
    # The file that it writes, whatever other one the caller has.
    export KUBECONFIG=$HOME/.kube/k3s.yaml
    scripts/install-k3s.sh --kubeconfig "$KUBECONFIG"
    ;;
  existing) need_cluster ;;
esac
scripts/setup-dapr.sh
if [[ $PUBSUB == kafka && -z $BROKERS ]]; then scripts/setup-kafka.sh; fi

say "== images $TAG"
if [[ -n $LOAD ]]; then
  if [[ -z $BINARIES ]]; then
    cargo build --locked --release --workspace --bins
    BINARIES=target/release
  fi
  # The command may have arguments of its own.
  read -ra load <<<"$LOAD"
  for image in "${IMAGES[@]}"; do "${load[@]}" "outrigger/$image:$TAG" "$BINARIES/$image"; done
elif [[ $CLUSTER != existing ]]; then
  scripts/build-images.sh --tag "$TAG"
  for image in "${IMAGES[@]}"; do
    if [[ $CLUSTER == minikube ]]; then minikube image load "outrigger/$image:$TAG"; else docker save "outrigger/$image:$TAG" | sudo k3s ctr images import -; fi
  done
else
  say "taken as they are: outrigger/<app>:$TAG"
fi

say "== secrets"
if [[ $PUBSUB == kafka ]]; then export KAFKA_BROKERS=${BROKERS:-outrigger-kafka-bootstrap.kafka:9092}; fi
if [[ $ROTATE == yes ]]; then scripts/create-local-secrets.sh --rotate; else scripts/create-local-secrets.sh; fi

# What this run was told, as one more overlay.
overlay() {
  local folder=$1 image server
  mkdir -p "$folder"
  {
    echo "resources: [../../$2]"
    echo "images:"
    for image in "${IMAGES[@]}"; do echo "  - { name: outrigger/$image, newTag: '$TAG' }"; done
    for server in "${SERVERS[@]}"; do
      local reference=${server#*=}
      echo "  - { name: ${server%%=*}, newName: ${reference%:*}, newTag: '${reference##*:}' }"
    done
  } >"$folder/kustomization.yaml"
}

# The servers of this cluster, the roles and schemas in its database.
servers() {
  local server
  if [[ $ROTATE == yes ]]; then kube rollout restart statefulset/redis >/dev/null; fi
  for server in statefulset/postgres statefulset/redis deployment/zipkin deployment/mailbox; do
    kube rollout status "$server" --timeout=180s >/dev/null || die "$server did not become ready; 'kubectl -n $NAMESPACE describe $server' says why"
  done
  scripts/database.sh
}

with_kustomize() {
  say "== servers"
  overlay .run/deploy-place k8s/local/place
  kube apply --server-side --force-conflicts -k .run/deploy-place >/dev/null
  servers
  say "== apps"
  overlay .run/deploy "$OVERLAY"
  told_release "$TAG" >>.run/deploy/kustomization.yaml
  kube apply --server-side --force-conflicts -k .run/deploy >/dev/null
  # Where the suite had another broker before, nobody needs to know its address any more.
  kube delete --ignore-not-found role,rolebinding "$OTHER_READERS" >/dev/null
}

# Without --wait: the apps need the schemas, which need the server.
with_helm() {
  say "== chart"
  local arguments=() server name chart=k8s/helm-charts/outrigger
  for server in "${SERVERS[@]}"; do
    name=${server%%=*}
    arguments+=(--set "servers.${name##*/}.image=${server#*=}")
  done
  helm upgrade --install outrigger "$chart" --namespace "$NAMESPACE" --take-ownership --values "$chart/values-minikube.yaml" \
    --set "components=${PUBSUB/redis/local}" --set-string "images.tag=$TAG" "${arguments[@]}" >/dev/null || die "helm could not install the chart"
  servers
}

if [[ $HELM == yes ]]; then with_helm; else with_kustomize; fi
if [[ $ROTATE == yes ]]; then kube rollout restart "${APPS[@]/#/deployment/}" >/dev/null; fi
for app in "${APPS[@]}"; do
  app_ready "$app" || die "$app did not become ready; 'kubectl -n $NAMESPACE get pods' and 'kubectl -n $NAMESPACE logs deployment/$app --all-containers' say why"
done

if [[ $VALIDATE == yes ]]; then
  say "== validation"
  scripts/validate-deployment.sh
fi
say
say "The suite runs. Open a way to it with"
say "  kubectl -n $NAMESPACE port-forward service/gateway 7100:80     then http://localhost:7100"
say "  kubectl -n $NAMESPACE port-forward service/zipkin 9411         then http://localhost:9411"
