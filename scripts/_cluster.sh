# shellcheck shell=bash
# Sourced by the scripts that work on a cluster: which apps there are, and how kubectl is asked.

NAMESPACE=outrigger
# Every folder of k8s/base with an app in it; the template is none.
APPS=()
for folder in "$ROOT"/k8s/base/*/; do
  folder=$(basename "$folder")
  [[ $folder == app ]] || APPS+=("$folder")
done

# need_tool PROGRAM WHERE-TO-GET-IT
need_tool() { have "$1" || die "$1 is missing: $2"; }

need_cluster() {
  need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"
  kubectl version --request-timeout=10s >/dev/null 2>&1 || die "no cluster answers: kubectl's current context is '$(kubectl config current-context 2>/dev/null || echo none)'; start one, or choose another with 'kubectl config use-context'"
}

kube() { kubectl --namespace "$NAMESPACE" "$@"; }

# help_of SCRIPT: the comment at its head, which is its help.
help_of() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$1"; }

# What has an image: the apps, and the command line, which keeps the mail of a laptop.
# shellcheck disable=SC2034
IMAGES=("${APPS[@]}" outrigger)

# The tag of what is here: the commit, and a hash of what is changed beside it.
source_tag() {
  local commit changes
  commit=$(git -C "$ROOT" rev-parse --short=12 HEAD) || die "this is no clone: say --tag"
  changes=$(git -C "$ROOT" status --porcelain --untracked-files=all && git -C "$ROOT" diff HEAD)
  if [[ -n $changes ]]; then commit+=-$(sha256sum <<<"$changes" | cut -c1-8); fi
  printf '%s' "$commit"
}

# The lines of an overlay that tell the apps which release they are.
told_release() {
  echo "namespace: $NAMESPACE"
  echo "configMapGenerator: [{ name: outrigger, behavior: merge, literals: ['COMMIT=$1'] }]"
}
