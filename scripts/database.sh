#!/usr/bin/env bash
# Makes the database, the role and the schema of each app in the cluster's own PostgreSQL, and tells the roles their passwords. Repeatable.
#
#   scripts/database.sh
#
# Needs kubectl, and the secrets of scripts/create-local-secrets.sh.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac
need_cluster

# Through standard input, which nobody else can read; a trace would show the passwords.
{ set +x; } 2>/dev/null
statements() {
  local role password
  while read -r role; do
    password=$(kube get secret "outrigger-db-$role" -o jsonpath='{.data.password}' | base64 -d)
    [[ -n $password ]] || die "the secret outrigger-db-$role has no password: run scripts/create-local-secrets.sh"
    printf "\\\\set %s_password '%s'\n" "$role" "$password"
  done < <(sed -nE "s/.*:'([a-z]+)_password'.*/\1/p" "$ROOT/scripts/database.sql")
  cat "$ROOT/scripts/database.sql"
}

statements | kube exec -i statefulset/postgres -- psql --quiet --username postgres --set ON_ERROR_STOP=1 --output /dev/null --file - ||
  die "PostgreSQL refused the set-up"
say "database: roles and schemas are there"
