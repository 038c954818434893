# shellcheck shell=bash
# Sourced by the scripts that make secrets: what exists is kept, what is missing is made at random, and all is sent in one go.

# A trace would show every value.
{ set +x; } 2>/dev/null

# The schemas of scripts/database.sql.
# shellcheck disable=SC2034
ROLES=(identity tasks reminders notifications messaging audit state)
SECRETS=""
MADE=0

# What exists: "secret/key" to its value, base64 as the API server gives it.
declare -A KEPT=()
begin_secrets() {
  local line secret pair there
  # A template of kubectl's, not the shell's.
  # shellcheck disable=SC2016
  local template='{{range .items}}{{.metadata.name}}{{range $key, $value := .data}} {{$key}}={{$value}}{{end}}{{"\n"}}{{end}}'
  sed "s/^  name: outrigger$/  name: $NAMESPACE/" "$ROOT/k8s/base/namespace.yaml" | kubectl apply --server-side -f - >/dev/null
  # Not known is not the same as not there: everything would be made anew.
  there=$(kube get secrets -o go-template="$template") || die "the cluster does not say which secrets it has; nothing was changed"
  while IFS= read -r line; do
    secret=${line%% *}
    for pair in ${line#"$secret"}; do KEPT[$secret/${pair%%=*}]=${pair#*=}; done
  done < <(printf '%s\n' "$there")
}

# Through pipes, not <<<, which some shells make a file of.
encode() { base64 | tr -d '\n'; }

# text WORD...: base64 of words.
text() { printf '%s' "$*" | encode; }

# Text that needs no escaping in a URL, a shell or SQL: 256 random bits.
random() { openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n'; }

# value SECRET/KEY COMMAND...: sets VALUE to what is kept, or to what the command prints now.
value() {
  local place=$1
  shift
  if [[ -z ${KEPT[$place]-} ]]; then
    KEPT[$place]=$("$@" | encode)
    MADE=$((MADE + 1))
  fi
  VALUE=${KEPT[$place]}
}

# secret NAME KEY=BASE64...: adds one to what is sent at the end.
secret() {
  local name=$1 pair data=""
  shift
  for pair in "$@"; do data+="${data:+,}\"${pair%%=*}\":\"${pair#*=}\""; done
  SECRETS+=$(printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"data":{%s}}' "$name" "$data")$'\n'
}

# What nobody but the suite has to know, anywhere.
own_secrets() {
  local private public client app clients=()
  value outrigger-jwt/private-key openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048
  private=$VALUE
  public=$(printf '%s' "$private" | base64 -d | openssl pkey -pubout | encode)
  secret outrigger-jwt "private-key=$private" "public-key=$public"

  # Each app reads its own; identity reads them all, to know who comes.
  for client in "${APPS[@]}" cli; do
    value "outrigger-client-$client/secret" random
    secret "outrigger-client-$client" "secret=$VALUE"
    clients+=("$client=$VALUE")
  done
  secret outrigger-clients "${clients[@]}"

  # What an app and its sidecar show each other.
  for app in "${APPS[@]}"; do
    value "$app-token/token" random
    secret "$app-token" "token=$VALUE"
  done
}

# Through standard input: a command line is everyone's to read.
send_secrets() {
  printf '%s' "$SECRETS" | kube apply --server-side --force-conflicts -f - >/dev/null
  if ((MADE)); then say "secrets: $MADE values made"; else say "secrets: all kept"; fi
}
