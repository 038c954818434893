#!/usr/bin/env bash
# Looks for secrets with gitleaks where somebody could read them; says where each is and by which rule it was found, and not the secret.
#
#   scripts/scan-secrets.sh [FOLDER]          in every commit of this clone or another
#   scripts/scan-secrets.sh --files PATH...   in files, folders, and images as `docker save` writes them: every layer, and the words in programs
#   scripts/scan-secrets.sh --manifests       in what the overlays and the chart render
#   scripts/scan-secrets.sh --cluster         in what runs: what its containers logged and what was applied. There no value of the
#                                             namespace's own secrets may stand either, whatever it looks like
#
# Needs git for commits, tar and strings for images, kubectl and helm for manifests, kubectl for the cluster; and Go where gitleaks is missing:
# two minutes, once per machine. Leaves gitleaks in ~/.cache/outrigger.
set -euo pipefail
# A trace would show every value.
{ set +x; } 2>/dev/null
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_archives.sh
source "$ROOT/scripts/_archives.sh"

KIND=commits
case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  --files | --manifests | --cluster) KIND=${1#--}; shift ;;
  -*) die "unknown option $1 (see --help)" ;;
esac
case $KIND in
  commits) (($# <= 1)) || die "one clone at a time (see --help)" ;;
  files) (($#)) || die "--files needs a path (see --help)" ;;
  *) (($# == 0)) || die "--$KIND takes nothing more (see --help)" ;;
esac

# look MODE PLACE: gitleaks names place and rule, and fails when it has found something.
look() { gitleaks "$1" --no-banner --redact --verbose --log-level warn "$2"; }

commits() {
  local folder=${1:-$ROOT} shallow
  need_tool git "install the package git"
  shallow=$(git -C "$folder" rev-parse --is-shallow-repository) || die "$folder is no clone"
  [[ $shallow == false ]] || die "only a part of the history is here: clone with all of it (fetch-depth: 0)"
  need_gitleaks
  look git "$folder" || die "secrets are in the history: revoke each, then take it out"
  say "no secret in $(git -C "$folder" rev-list --count HEAD) commits"
}

# readable FOLDER: gitleaks passes over programs; in their place are the words that stand in them.
readable() {
  local file
  while IFS= read -r -d '' file; do
    # A file with a NUL in its beginning is no text.
    if head -c 8192 "$file" | LC_ALL=C grep -qaP '\x00'; then
      strings -a -n 8 "$file" >"$file.words"
      rm -f "$file"
    fi
  done < <(find "$1" -type f -print0)
}

files() {
  local path name
  need_tool tar "install the package tar"
  need_tool strings "install the package binutils"
  for path in "$@"; do
    [[ -e $path ]] || die "there is no $path"
    name=$(basename "$path")
    if is_archive "$path"; then take_apart "$path" "$WORK/$name"; else cp -rL "$path" "$WORK/$name"; fi
  done
  readable "$WORK"
  looked "$# paths"
}

manifests() {
  local overlay values pubsub count=0 chart=$ROOT/k8s/helm-charts/outrigger
  need_tool helm "https://helm.sh/docs/intro/install/"
  need_tool kubectl "https://kubernetes.io/docs/tasks/tools/"
  for overlay in local local/kafka cloud kafka; do
    kubectl kustomize "$ROOT/k8s/$overlay" >"$WORK/${overlay/\//-}.yaml"
    count=$((count + 1))
  done
  for values in minikube:local minikube:kafka cloud:cloud; do
    pubsub=${values#*:}
    helm template outrigger "$chart" --namespace "$NAMESPACE" --values "$chart/values-${values%:*}.yaml" --set "components=$pubsub" \
      --set-string images.tag=scanned --set host=HOST,ingress.mail=MAIL,images.registry=outrigger --kube-version 1.34 >"$WORK/chart-$pubsub.yaml"
    count=$((count + 1))
  done
  looked "$count renderings"
}

cluster() {
  local namespace pod started
  need_cluster
  for namespace in "$NAMESPACE" dapr-system; do
    while read -r pod started; do
      # One that leaves meanwhile has no log any more. What ended before counts too, where something did.
      kubectl --namespace "$namespace" logs "$pod" --all-containers --prefix >"$WORK/$pod.log" </dev/null || true
      [[ $started == *[1-9]* ]] || continue
      kubectl --namespace "$namespace" logs "$pod" --all-containers --prefix --previous >"$WORK/$pod.previous.log" 2>/dev/null </dev/null || true
    done < <(started_again "$namespace")
  done
  kube get deployments,replicasets,statefulsets,pods,services,configmaps,ingresses,events,components.dapr.io,configurations.dapr.io,subscriptions.dapr.io,resiliencies.dapr.io \
    -o yaml >"$WORK/applied.yaml"
  own_values
  looked "$(find "$WORK" -name '*.log' -size +0 | wc -l) logs and in $(grep -c '^  kind: ' "$WORK/applied.yaml") objects"
}

# started_again NAMESPACE: a line for each pod, with how often each of its containers was started again.
started_again() {
  kubectl --namespace "$1" get pods -o go-template='{{range .items}}{{.metadata.name}}
    {{- range .status.initContainerStatuses}} {{.restartCount}}{{end}}{{range .status.containerStatuses}} {{.restartCount}}{{end}}{{"\n"}}{{end}}'
}

# own_values: names the secrets of which a value stands in what was gathered. What looks like no secret (a host, a port, a key that everyone may
# have) is none: one is long, with small and large letters and digits, as everything at random is.
own_values() {
  local secret pair key parts found problems=()
  # shellcheck disable=SC2016 # the template's own variables
  while read -r secret pair; do
    key=${pair%%=*}
    if [[ $key == public-key || $key == ca ]]; then continue; fi
    parts=$(base64 -d <<<"${pair#*=}" | tr -c 'A-Za-z0-9_-' '\n' | awk 'length >= 20 && /[a-z]/ && /[A-Z]/ && /[0-9]/')
    [[ -n $parts ]] || continue
    while IFS= read -r found; do problems+=("$secret/$key stands in ${found#"$WORK"/}"); done < <(grep -rlF -f <(printf '%s\n' "$parts") "$WORK" || true)
  done < <(kube get secrets --field-selector type!=helm.sh/release.v1 \
    -o go-template='{{range .items}}{{$name := .metadata.name}}{{range $key, $value := .data}}{{$name}} {{$key}}={{$value}}{{"\n"}}{{end}}{{end}}')
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    FOUND=yes
  fi
}

# looked WORDS: scans what was gathered.
FOUND=no
looked() {
  need_gitleaks
  look dir "$WORK" || FOUND=yes
  [[ $FOUND == no ]] || die "secrets are there: revoke each, then take it out"
  say "no secret in $1"
}

if [[ $KIND != commits ]]; then
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
fi
"$KIND" "$@"
