# shellcheck shell=bash
# Sourced by the scripts that deploy to a cloud's own Kubernetes, after _lib.sh and _cluster.sh: what they are asked for, and the release of
# Helm that all of them make as soon as a kubeconfig leads to the cluster.

CHART=$ROOT/k8s/helm-charts/outrigger

# read_options "OPTION..." ARGUMENT...: these and those of the release; each is needed and sets the variable of its name.
read_options() {
  local options="$1 host mail registry tag" name variable
  shift
  while (($#)); do
    if [[ $1 == -h || $1 == --help ]]; then help_of "$0"; exit; fi
    name=${1#--}
    [[ $1 == --* && " $options " == *" $name "* ]] || die "unknown option $1 (see --help)"
    (($# >= 2)) || die "$1 needs a value"
    variable=${name//-/_}
    printf -v "${variable^^}" '%s' "$2"
    shift 2
  done
  for name in $options; do
    variable=${name//-/_}
    variable=${variable^^}
    [[ -n ${!variable-} ]] || die "--$name is missing (see --help)"
  done
  need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"
  need_tool helm "https://helm.sh/docs/intro/install/"
  need_tool curl "install the package curl"
}

# use_kubeconfig CLOUD: a file of its own, so that kubectl's usual one stays as it is. Whoever makes the secrets needs it, too.
use_kubeconfig() {
  export KUBECONFIG=$HOME/.kube/outrigger-$1.yaml
  umask 077
  mkdir -p "$HOME/.kube"
  say "the way to the cluster: export KUBECONFIG=$KUBECONFIG"
}

# release: Dapr, the chart, the validation; a release that does not become ready or is not well gives way to the one before.
release() {
  local missing=() before
  need_cluster
  kubectl get ingressclass nginx >/dev/null 2>&1 || missing+=("an ingress controller of the class nginx (https://kubernetes.github.io/ingress-nginx/deploy/)")
  kubectl get crd clusterissuers.cert-manager.io >/dev/null 2>&1 || missing+=("cert-manager (scripts/install-cert-manager.sh)")
  mapfile -t -O "${#missing[@]}" missing < <(missing_secrets)
  refuse_if_missing "${missing[@]}"

  "$ROOT/scripts/setup-dapr.sh"
  before=$(helm list --namespace "$NAMESPACE" --filter '^outrigger$' --deployed | awk 'NR > 1 { print $3 }')
  # shellcheck disable=SC2153 # set by read_options
  helm upgrade --install outrigger "$CHART" --namespace "$NAMESPACE" --values "$CHART/values-cloud.yaml" --atomic --timeout 10m \
    --set-string "host=$HOST,ingress.mail=$MAIL,images.registry=$REGISTRY,images.tag=$TAG" >/dev/null ||
    die "$TAG did not become ready; $([[ -n $before ]] && echo "the release before runs again" || echo "nothing runs")"
  await_certificates || go_back_to "$before" "there is no certificate for $HOST"
  "$ROOT/scripts/validate-deployment.sh" --url "https://$HOST" || go_back_to "$before" "the validation of $TAG failed"
  say "$TAG runs at https://$HOST"
}

# go_back_to NUMBER WHY
go_back_to() {
  [[ -n $1 ]] || die "$2; there is no release before it"
  say "$2: going back"
  helm rollback outrigger "$1" --namespace "$NAMESPACE" --wait --timeout 10m >/dev/null || die "$2, and the release before did not come back either"
  die "$2; the release before runs again"
}
