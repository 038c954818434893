# shellcheck shell=bash
# Sourced by the scripts that work on a cluster: which apps there are, and how kubectl is asked.

# Another one is for Helm's chart: the overlays of k8s are those of `outrigger`.
NAMESPACE=${OUTRIGGER_NAMESPACE:-outrigger}
# Every folder of k8s/base with an app in it; the template is none.
APPS=()
for folder in "$ROOT"/k8s/base/*/; do
  folder=$(basename "$folder")
  [[ $folder == app ]] || APPS+=("$folder")
done

need_cluster() {
  need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"
  kubectl version --request-timeout=10s >/dev/null 2>&1 || die "no cluster answers: kubectl's current context is '$(kubectl config current-context 2>/dev/null || echo none)'; start one, or choose another with 'kubectl config use-context'"
}

kube() { kubectl --namespace "$NAMESPACE" "$@"; }

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

# release_version: of the workspace, which every app has.
release_version() { sed -nE 's/^version = "([^"]+)"$/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# missing_secrets: a line for each secret of a cluster that people reach which is not there.
missing_secrets() {
  local secret there
  there=$(kube get secrets -o jsonpath='{.items[*].metadata.name}' 2>/dev/null || true)
  # One of the databases': they are sent in one go.
  for secret in outrigger-{jwt,clients,redis,kafka,smtp,sms,db-tasks}; do
    [[ " $there " == *" $secret "* ]] || say "the secret $secret (scripts/create-cloud-secrets.sh)"
  done
}

# refuse_if_missing WHAT...: tells all at once and ends, if there is any.
refuse_if_missing() {
  (($#)) || return 0
  printf 'missing: %s\n' "$@" >&2
  die "nothing was changed"
}

# await_certificates: the first deployment has just asked for one.
await_certificates() {
  [[ -z $(kube get certificates -o name 2>/dev/null) ]] || kube wait --for=condition=Ready certificates --all --timeout=300s >/dev/null
}

# revisions: a line for each app that is deployed, with the revision that it runs.
revisions() {
  kube get deployments -o jsonpath='{range .items[*]}{.metadata.name} {.metadata.annotations.deployment\.kubernetes\.io/revision}{"\n"}{end}'
}

# remember: reads such lines; to these revisions go_back goes.
declare -A BACK=()
remember() {
  local app revision
  while read -r app revision; do
    if [[ -n $app ]]; then BACK[$app]=$revision; fi
  done
}

# go_back: takes every app to its remembered revision, where none is known to the one before the last, waits, and says what runs. An app that
# cannot go does not keep the others.
go_back() {
  local app failed=0
  for app in "${APPS[@]}"; do
    kube rollout undo "deployment/$app" ${BACK[$app]:+--to-revision="${BACK[$app]}"} >/dev/null || failed=1
  done
  for app in "${APPS[@]}"; do app_ready "$app" || failed=1; done
  say_running
  return "$failed"
}

# app_ready APP: waits for all of its pods.
app_ready() { kube rollout status "deployment/$1" --timeout=240s >/dev/null; }

# say_running: the image of each app.
say_running() {
  local app
  for app in "${APPS[@]}"; do
    printf '%-14s %s\n' "$app" "$(kube get deployment "$app" -o jsonpath='{.spec.template.spec.containers[0].image}')"
  done
}

# The lines of an overlay that tell the apps which release they are. Rights first and deployments last, as in the overlays of k8s: only
# the outermost one's order counts.
told_release() {
  echo "namespace: $NAMESPACE"
  echo "sortOptions: { order: legacy, legacySortOptions: { orderFirst: [Namespace, Role, RoleBinding], orderLast: [Deployment] } }"
  echo "configMapGenerator: [{ name: outrigger, behavior: merge, literals: ['COMMIT=$1'] }]"
}
