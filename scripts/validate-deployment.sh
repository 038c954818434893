#!/usr/bin/env bash
# Looks at a deployed suite from outside and from inside, one line a check, and says with its exit code whether all is well: 0 or 1.
#
#   scripts/validate-deployment.sh [--url http://outrigger.local [--address IP]] [--alerts] [--patience SECONDS] [--json]
#
# --address is where the ingress controller listens, if this machine does not know the name.
# --alerts asks the Prometheus of scripts/setup-monitoring.sh, which must be there: no alert may fire or be about to. A deployment does not ask it,
# because what fires then may be of the release that it replaces.
# What is not well gets 60 seconds (--patience) to become so, because an autoscaler may just have asked for a pod or a part have been restarted,
# and so long an event may take.
# Pods, services, components of each sidecar, health of each app, the ingress (with --url), alerts (with --alerts), and a task whose event reaches
# another app.
# Signs up one person with a random address. Needs kubectl and curl. Changes nothing else.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

URL="" ADDRESS="" ALERTS=no JSON=no PATIENCE=60
while (($#)); do
  case $1 in
    --url) (($# >= 2)) || die "--url needs a value"; URL=${2%/}; shift 2 ;;
    --address) (($# >= 2)) || die "--address needs a value"; ADDRESS=$2; shift 2 ;;
    --alerts) ALERTS=yes; shift ;;
    --patience) (($# >= 2)) || die "--patience needs a value"; PATIENCE=$2; shift 2 ;;
    --json) JSON=yes; shift ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (known: --url, --address, --alerts, --patience, --json)" ;;
  esac
done
need_cluster
need_tool curl "install the package curl"

WORK=$(mktemp -d)
FORWARD=""
PROXY=""
clean_up() {
  local child
  for child in $FORWARD $PROXY; do kill "$child" 2>/dev/null || true; done
  rm -rf "$WORK"
}
trap clean_up EXIT

# verdict CHECK ok|FAIL WORDS...
RESULTS=() FAILED=0
verdict() {
  local check=$1 state=$2
  shift 2
  if [[ $state != ok ]]; then FAILED=$((FAILED + 1)); fi
  if [[ $JSON == yes ]]; then
    local words=${*//\\/\\\\}
    words=${words//\"/\\\"}
    RESULTS+=("{\"check\":\"$check\",\"ok\":$([[ $state == ok ]] && echo true || echo false),\"detail\":\"${words//$'\n'/ }\"}")
  else
    printf '%-4s  %-12s %s\n' "$state" "$check" "$*"
  fi
}

# judge CHECK WORDS PROBLEM...: well if there is no problem, else all of them.
judge() {
  local check=$1 words=$2
  shift 2
  if (($#)); then
    local problem all=""
    for problem in "$@"; do all+="${all:+; }$problem"; done
    verdict "$check" FAIL "$all"
  else
    verdict "$check" ok "$words"
  fi
}

# Pods are asked through the API server, whose front here is one process for all of them.
open_proxy() {
  : >"$WORK/proxy"
  kubectl proxy --port=0 >"$WORK/proxy" 2>&1 &
  PROXY=$!
  until API=$(sed -nE 's#^Starting to serve on (.*)#http://\1#p' "$WORK/proxy") && [[ -n $API ]]; do
    kill -0 "$PROXY" 2>/dev/null || die "kubectl proxy ended: $(<"$WORK/proxy")"
    sleep 0.1
  done
}

# raw POD PORT PATH: what a pod answers; fails when it does not answer, or with an error.
raw() { curl --silent --fail --max-time 10 "$API/api/v1/namespaces/$NAMESPACE/pods/$1:$2/proxy$3"; }

# A line a pod that is not about to leave: app, pod, containers that are ready, state.
list_pods() {
  kube get pods --no-headers --label-columns app.kubernetes.io/name 2>/dev/null |
    awk '$3 != "Terminating" { print $NF, $1, $2, $3 }' >"$WORK/pods"
}

# ready APP: its pods that are ready.
ready() { awk -v app="$1" '$1 == app && $3 == "2/2" { print $2 }' "$WORK/pods"; }

# look CHECK: looks until there is no problem left or patience has run out, which all looks share. What has just been restarted is missed by
# those who use it for some seconds. Each look_at_... sets problems and words.
look() {
  local problems words
  while problems=() words=""; list_pods; "look_at_$1"; ((${#problems[@]})) && ((SECONDS < PATIENT_UNTIL)); do sleep 2; done
  judge "$1" "$words" "${problems[@]}"
}

look_at_pods() {
  local app pod containers state wanted count=0
  kube get deployments -o go-template='{{range .items}}{{.metadata.name}} {{.spec.replicas}}{{"\n"}}{{end}}' >"$WORK/deployments"
  for app in "${APPS[@]}"; do
    wanted=$(awk -v app="$app" '$1 == app { print $2 }' "$WORK/deployments")
    if [[ -z $wanted ]]; then problems+=("$app is not deployed"); continue; fi
    if (($(ready "$app" | wc -l) < wanted)); then problems+=("$app has $(ready "$app" | wc -l) of $wanted pods ready"); fi
    while read -r pod containers state; do
      count=$((count + 1))
      if [[ $containers != 2/2 ]]; then problems+=("$pod is $containers $state"); fi
    done < <(awk -v app="$app" '$1 == app { print $2, $3, $4 }' "$WORK/pods")
  done
  words="$count pods, each 2/2"
}

# shellcheck disable=SC2016 # the template's own variable
look_at_services() {
  local app services led
  services=$(kube get services -o go-template='{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}')
  led=$(kube get endpointslices -o go-template='{{range .items}}{{$service := index .metadata.labels "kubernetes.io/service-name"}}
    {{- range .endpoints}}{{if .conditions.ready}}{{$service}}{{"\n"}}{{end}}{{end}}{{end}}')
  for app in "${APPS[@]}"; do
    if ! grep -qx "$app" <<<"$services"; then
      problems+=("the service $app is missing")
    elif ! grep -qx "$app" <<<"$led"; then
      problems+=("the service $app leads nowhere")
    fi
  done
  words="${#APPS[@]} services with endpoints"
}

# The components that are for an app, as its scopes say, against what its sidecar has loaded.
look_at_components() {
  local app pod metadata name scopes count=0
  kube get components.dapr.io -o go-template='{{range .items}}{{.metadata.name}} {{range .scopes}}{{.}},{{end}}{{"\n"}}{{end}}' >"$WORK/components"
  [[ -s $WORK/components ]] || problems+=("there are no components")
  for app in "${APPS[@]}"; do
    while read -r pod; do
      if ! metadata=$(raw "$pod" 3501 /v1.0/metadata); then problems+=("the sidecar of $pod does not answer"); continue; fi
      while read -r name scopes; do
        [[ ,$scopes == *",$app,"* ]] || continue
        count=$((count + 1))
        [[ $metadata == *"\"name\":\"$name\""* ]] || problems+=("the sidecar of $pod has no $name")
      done <"$WORK/components"
    done < <(ready "$app")
  done
  words="$count loaded, each where its scopes say"
}

look_at_health() {
  local app pod said
  for app in "${APPS[@]}"; do
    while read -r pod; do
      if ! said=$(raw "$pod" 7100 /ready); then
        problems+=("$pod is not ready")
      elif [[ $said != *'"status":"ready"'* ]]; then
        problems+=("$pod says $said")
      fi
    done < <(ready "$app")
  done
  words="every app says ready"
}

look_at_ingress() {
  local status to=()
  if [[ -n $ADDRESS ]]; then to=(--connect-to "::$ADDRESS:"); fi
  status=$(curl "${to[@]}" --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$URL/app/sign-in" || true)
  [[ $status == 200 ]] || problems+=("$URL/app/sign-in answers ${status:-nothing}")
  words="$URL answers"
}

# prometheus QUERY: its answer, through the API server as the pods' own.
prometheus() {
  curl --silent --fail --max-time 10 --get --data-urlencode "query=$1" \
    "$API/api/v1/namespaces/monitoring/services/prometheus:http/proxy/api/v1/query"
}

# By name, however many things it fires for. Severities `info` and `none` are for reading only; an alert that says none is meant.
look_at_alerts() {
  local found name state severity
  if ! found=$(prometheus 'count(up{job="apps"} == 1)'); then
    problems+=("no Prometheus answers in the namespace monitoring; scripts/setup-monitoring.sh installs it")
  elif [[ $found != *'"value"'* ]]; then
    problems+=("Prometheus sees no app, and so no fault")
  elif ! found=$(prometheus 'count by (alertname, alertstate, severity) (ALERTS{severity!~"info|none"})'); then
    problems+=("Prometheus does not say which alerts fire")
  else
    while IFS='|' read -r name state severity; do
      case $state in
        firing) problems+=("$name fires${severity:+ ($severity)}") ;;
        *) problems+=("$name is about to fire${severity:+ ($severity)}") ;;
      esac
    done < <(grep -oE '"metric":\{[^}]*\}' <<<"$found" |
      sed -E 's/.*"alertname":"([^"]*)","alertstate":"([^"]*)"(,"severity":"([^"]*)")?.*/\1|\2|\4/' | sort)
  fi
  words="Prometheus has none that fires"
}

# forward: a way to a gateway that is ready, on a free port; sets BASE. The service could lead to one that is leaving.
forward() {
  # Not through a function: the shell around it would be ended and kubectl not.
  : >"$WORK/forward"
  kubectl --namespace "$NAMESPACE" port-forward "pod/$(ready gateway | head -n 1)" :7100 >"$WORK/forward" 2>&1 &
  FORWARD=$!
  local until=$((SECONDS + 15))
  until BASE=$(sed -nE 's#^Forwarding from 127\.0\.0\.1:([0-9]+).*#http://127.0.0.1:\1#p' "$WORK/forward") && [[ -n $BASE ]]; do
    if ((SECONDS > until)) || ! kill -0 "$FORWARD" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
}

# ask METHOD PATH [BODY]: prints the answer; fails on a status of 400 and above. Asks again, as long as patience lasts, when it is told to come
# back: a part that has just come back is left alone for a moment (503), and so is who asks too often (429), such as a validation in a loop.
ask() {
  local said arguments=(--silent --show-error --fail-with-body --max-time 15 --request "$1" "$BASE$2" --output "$WORK/answer")
  arguments+=(--retry 1000 --retry-delay 1 --retry-max-time "$PATIENCE")
  if [[ -n ${TOKEN-} ]]; then arguments+=(--header "authorization: Bearer $TOKEN"); fi
  if (($# > 2)); then arguments+=(--header 'content-type: application/json' --data-binary "$3"); fi
  : >"$WORK/answer"
  if said=$(curl "${arguments[@]}" 2>&1); then cat "$WORK/answer"; else cat "$WORK/answer"; printf ' (%s)' "${said##*$'\n'}"; return 1; fi
}

field() { sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p" <<<"$2" | head -n 1; }

check_story() {
  local answer task until person
  person="validation-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')@example.com"
  if ! forward; then verdict story FAIL "no way to the gateway: $(tail -n 1 "$WORK/forward")"; return; fi
  TOKEN=""
  local account="{\"email\":\"$person\",\"display_name\":\"Validation\",\"password\":\"correct horse battery\",\"timezone\":\"UTC\"}"
  if ! answer=$(ask POST /auth/signup "$account"); then verdict story FAIL "nobody can sign up: $answer"; return; fi
  local credentials="{\"grant_type\":\"password\",\"username\":\"$person\",\"password\":\"correct horse battery\"}"
  if ! answer=$(ask POST /auth/token "$credentials"); then verdict story FAIL "nobody can sign in: $answer"; return; fi
  TOKEN=$(field access_token "$answer")
  if ! answer=$(ask POST /tasks '{"title":"Validate the deployment"}'); then verdict story FAIL "no task can be made: $answer"; return; fi
  task=$(field id "$answer")
  until=$((SECONDS + PATIENCE))
  until answer=$(ask GET "/audit-logs?entity_id=$task") && [[ $answer == *"$task"* ]]; do
    if ((SECONDS > until)); then verdict story FAIL "the task was made, and audit has not heard of it within $PATIENCE s: $answer"; return; fi
    sleep 0.5
  done
  ask DELETE "/tasks/$task" >/dev/null 2>&1 || true
  verdict story ok "a task was made, and its event reached audit"
}

open_proxy
PATIENT_UNTIL=$((SECONDS + PATIENCE))
look pods
look services
look components
look health
if [[ -n $URL ]]; then look ingress; fi
if [[ $ALERTS == yes ]]; then look alerts; fi
check_story

if [[ $JSON == yes ]]; then
  (IFS=,; printf '{"ok":%s,"checks":[%s]}\n' "$( ((FAILED == 0)) && echo true || echo false)" "${RESULTS[*]}")
elif ((FAILED)); then
  say "$FAILED of the checks failed; docs/TROUBLESHOOTING.md has what helps"
else
  say "all is well"
fi
((FAILED == 0))
