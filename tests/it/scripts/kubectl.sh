#!/bin/bash
# Stands in for kubectl: a cluster of files below $SCRATCH/cluster. `secrets/<name>` holds " key=base64" of each key, `apps/<app>` a line
# "revision image" for each revision, of which the last runs. A call that fits the pattern FAILS is refused, and an image with BROKEN in its name, or
# "broken", never gets ready.
set -eu
call="kubectl $*"
echo "${call//$'\n'/ }" >>"$SCRATCH/log"
echo "${KUBECONFIG-}" >>"$SCRATCH/ways"
# shellcheck disable=SC2053 # a pattern
if [[ -n ${FAILS-} && $call == $FAILS ]]; then
  echo "the cluster says no" >&2
  exit 1
fi
cluster=$SCRATCH/cluster

# run APP IMAGE: one revision more, unless it runs already. A template that ran before takes its old place's number with it.
run() {
  local file=$cluster/apps/$1 last
  touch "$file"
  last=$(tail -n 1 "$file")
  [[ -z $last || ${last#* } != "$2" ]] || return 0
  { grep -v " $2\$" "$file" || true; echo "$((${last%% *} + 1)) $2"; } >"$file.new"
  mv "$file.new" "$file"
}

# take: what is applied. Secrets are objects of JSON, a line each; the rest says its images as a kustomization does.
take() {
  local text line name
  text=$(cat)
  while IFS= read -r line; do
    name=$(sed -nE 's/.*"kind":"Secret","metadata":\{"name":"([^"]+)".*/\1/p' <<<"$line")
    [[ -n $name ]] || continue
    sed -E 's/.*"data":\{//; s/\}\}$//; s/"([^",]+)":"([^"]*)",?/ \1=\2/g' <<<"$line" >"$cluster/secrets/$name"
  done <<<"$text"
  while read -r name line; do
    [[ $name == outrigger ]] || run "$name" "${line/#:/outrigger/$name:}"
  done < <(sed -nE "s#.*name: outrigger/([a-z]+),( newName: ([^,]+),)? newTag: '([^']+)'.*#\1 \3:\4#p" <<<"$text")
  printf '%s\n' "$text" >"$cluster/applied"
}

list() { for file in "$cluster/$1"/*; do [[ ! -e $file ]] || printf '%s%s\n' "$(basename "$file")" "${2:+$(eval "$2")}"; done; }

last() { tail -n 1 "$cluster/apps/$1"; }

# shellcheck disable=SC2016 # for `list`
case ${call/ --namespace outrigger/} in
  "kubectl delete --ignore-not-found role,rolebinding "*) ;;
  "kubectl kustomize "*) cat "${!#}/kustomization.yaml"; echo "# reached at HOST, told by MAIL" ;;
  "kubectl apply "*" -f -") take ;;
  "kubectl apply "*" -k "*) take <"${!#}/kustomization.yaml" ;;
  "kubectl apply "*" -f "*) take <"${!#}" ;;
  "kubectl get secrets --selector owner=helm"*) [[ ! -e $cluster/helm ]] || echo secret/sh.helm.release.v1.outrigger.v1 ;;
  "kubectl get secrets -o go-template="*) list secrets 'cat "$file"' ;;
  "kubectl get secrets "*) list secrets "" | tr '\n' ' ' ;;
  "kubectl get secret "*) tr " " "\n" <"$cluster/secrets/$5" | sed -n "s/^password=//p" ;;
  "kubectl get deployments -o jsonpath="*) list apps 'tail -n 1 "$file" | sed "s/^/ /; s/ [^ ]*\$//"' ;;
  "kubectl get replicasets "*) (cd "$cluster/apps" && grep -H . ./* | sed 's#^\./##; s/:/ /') ;;
  "kubectl --namespace dapr-system get deployment "*) echo "daprio/daprd:$(cat "$cluster/dapr" 2>/dev/null)" ;;
  "kubectl --namespace dapr-system rollout status "*) [[ -e $cluster/dapr ]] ;;
  "kubectl get deployment "*) image=$(last "$5"); echo "${image#* }" ;;
  "kubectl rollout status deployment/"*) app=${5#deployment/}; [[ ! -e $cluster/apps/$app || $(last "$app") != *"${BROKEN:-broken}"* ]] ;;
  "kubectl rollout undo deployment/"*)
    app=${5#deployment/}
    case ${6-} in
      --to-revision=*) line=$(grep "^${6#*=} " "$cluster/apps/$app") ;;
      *) line=$(tail -n 2 "$cluster/apps/$app" 2>/dev/null | head -n -1) ;;
    esac
    if [[ -z $line ]]; then echo "no rollout history found" >&2; exit 1; fi
    run "$app" "${line#* }"
    ;;
  "kubectl exec -i statefulset/postgres "*) cat >"$cluster/database" ;;
  "kubectl get resourcequotas "*) cat "$cluster/quotas" 2>/dev/null || true ;;
  "kubectl get certificates "*) [[ ! -e $cluster/certificate ]] || echo certificate/outrigger ;;
  "kubectl config get-contexts -o name") cat "$cluster/contexts" ;;
  "kubectl config get-contexts "*) grep -x "$3" "$cluster/contexts" ;;
  "kubectl config view "*) echo "the way to ${!#}" ;;
  "kubectl config "*) ;;
  "kubectl version "* | "kubectl get crd "* | "kubectl get ingressclass "*) ;;
  "kubectl rollout "* | "kubectl --namespace monitoring rollout "* | *" wait "*) ;;
  "kubectl --namespace monitoring get secret "*) [[ -e $cluster/$5 ]] ;;
  "kubectl --namespace monitoring create secret generic "*) cat >"$cluster/$6" ;;
  "kubectl --namespace kafka get "* | "kubectl --kubeconfig "*) ;;
  "kubectl create namespace "*"--dry-run=client"*) ;;
  "kubectl annotate --local "* | "kubectl label --local "*) cat ;;
  *) echo "what is $call?" >&2; exit 64 ;;
esac
