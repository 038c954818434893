#!/usr/bin/env bash
# Takes the suite back to the release before, or to a named one, waits, validates, and says what runs now.
#
#   scripts/rollback.sh [ENVIRONMENT] [REVISION] [--no-validate]
#
# ENVIRONMENT is a context of kubectl's (`kubectl config get-contexts`), without it the current one. REVISION is the tag of a release that
# still is in the history, or a number of `helm history`. A release of Helm's goes back by Helm, any other by the history of its deployments,
# settings included. OUTRIGGER_NAMESPACE says where it is, if not in `outrigger`. Migrations stay: each release works with the schema of the
# next. Needs kubectl, curl, and for a release of Helm's helm.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

WORDS=() VALIDATE=yes
for argument in "$@"; do
  case $argument in
    --no-validate) VALIDATE=no ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    -*) die "unknown option $argument (known: --no-validate)" ;;
    *) WORDS+=("$argument") ;;
  esac
done
((${#WORDS[@]} <= 2)) || die "an environment and a revision are enough (see --help)"
need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"

is_context() { kubectl config get-contexts "$1" -o name >/dev/null 2>&1; }

ENVIRONMENT="" REVISION=""
if ((${#WORDS[@]} == 2)); then
  ENVIRONMENT=${WORDS[0]} REVISION=${WORDS[1]}
  is_context "$ENVIRONMENT" || die "kubectl has no context $ENVIRONMENT (it has: $(kubectl config get-contexts -o name | tr '\n' ' '))"
elif ((${#WORDS[@]} == 1)); then
  if is_context "${WORDS[0]}"; then ENVIRONMENT=${WORDS[0]}; else REVISION=${WORDS[0]}; fi
fi
if [[ -n $ENVIRONMENT ]]; then
  # A copy with this context alone: Helm and the validation go there too, and the caller's own stays as it is.
  copy=$(mktemp)
  trap 'rm -f "$copy"' EXIT
  kubectl config view --raw --flatten --minify --context "$ENVIRONMENT" >"$copy"
  export KUBECONFIG=$copy
fi
need_cluster
if [[ $VALIDATE == yes ]]; then need_tool curl "install the package curl"; fi

# kept: a line for each release that Kubernetes still has: app, revision, image.
kept() {
  kube get replicasets -o jsonpath='{range .items[*]}{.metadata.labels.app\.kubernetes\.io/name} {.metadata.annotations.deployment\.kubernetes\.io/revision} {.spec.template.spec.containers[0].image}{"\n"}{end}'
}

# wanted: each app with the newest revision of the tag, or the newest before the one that runs.
wanted() {
  awk -v tag="$REVISION" '
    NR == FNR { runs[$1] = $2; next }
    !($1 in runs) { next }
    tag == "" && $2 + 0 >= runs[$1] + 0 { next }
    tag != "" && substr($3, length($3) - length(tag)) != ":" tag { next }
    $2 + 0 > newest[$1] + 0 { newest[$1] = $2 }
    END { for (app in newest) print app, newest[app] }' <(revisions) <(kept)
}

by_kubernetes() {
  local app missing=()
  remember < <(wanted)
  for app in "${APPS[@]}"; do [[ -n ${BACK[$app]-} ]] || missing+=("$app"); done
  if ((${#missing[@]})); then
    die "nothing was changed: ${missing[*]} kept no release ${REVISION:-before this one} (kept are: $(kept | sed 's/.*://' | sort -u | tr '\n' ' '))"
  fi
  go_back || die "not every app went back; 'kubectl -n $NAMESPACE get pods' says which"
}

by_helm() {
  local number to=""
  need_tool helm "https://helm.sh/docs/intro/install/"
  if [[ $REVISION =~ ^[0-9]{1,6}$ ]]; then
    to=$REVISION
  elif [[ -n $REVISION ]]; then
    # The newest of that tag; the last one that fits stays.
    for number in $(helm history outrigger --namespace "$NAMESPACE" | awk '$1 ~ /^[0-9]+$/ { print $1 }'); do
      if helm get values outrigger --namespace "$NAMESPACE" --revision "$number" | grep -xF -e "  tag: $REVISION" -e "  tag: \"$REVISION\"" >/dev/null; then to=$number; fi
    done
    [[ -n $to ]] || die "nothing was changed: 'helm history outrigger --namespace $NAMESPACE' has no release of $REVISION"
  fi
  helm rollback outrigger ${to:+"$to"} --namespace "$NAMESPACE" --wait --timeout 5m >/dev/null || die "helm could not go back"
  say_running
}

if [[ -n $(kube get secrets --selector owner=helm,name=outrigger -o name) ]]; then by_helm; else by_kubernetes; fi
if [[ $VALIDATE == yes ]]; then "$ROOT/scripts/validate-deployment.sh"; fi
