#!/usr/bin/env bash
# Makes the secrets of a cluster that people reach, from the environment or by asking: database, broker, Redis, mail, text messages. What only
# the suite knows (keys of tokens, the apps' own) is made at random once and kept.
#
#   scripts/create-cloud-secrets.sh
#
# Asks for what is not in the environment, and where nobody can be asked lists all that misses:
#   DATABASE_HOST                       name[:port] of PostgreSQL, which must speak TLS; roles are those of scripts/database.sql
#   DATABASE_PASSWORD_<ROLE>            of IDENTITY, TASKS, REMINDERS, NOTIFICATIONS, MESSAGING, AUDIT and STATE
#   REDIS_HOST REDIS_PASSWORD           name:port
#   KAFKA_BROKERS KAFKA_USER KAFKA_PASSWORD KAFKA_CA    brokers as name:port,...; the CA as PEM
#   SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD SMTP_FROM
#   SMS_ACCOUNT SMS_TOKEN SMS_FROM      of Twilio
# Takes from the environment alone:
#   DATABASE_CA                         PEM of PostgreSQL's authority, where it is not one that every machine knows
# Needs kubectl and openssl. Values go to the cluster through standard input: no command line, file or output shows one.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_secrets.sh
source "$ROOT/scripts/_secrets.sh"

case ${1-} in
  "") ;;
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  *) die "unknown option $1" ;;
esac

ASKED=(DATABASE_HOST REDIS_HOST REDIS_PASSWORD KAFKA_BROKERS KAFKA_USER KAFKA_PASSWORD KAFKA_CA
  SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD SMTP_FROM SMS_ACCOUNT SMS_TOKEN SMS_FROM)
for role in "${ROLES[@]}"; do ASKED+=("DATABASE_PASSWORD_${role^^}"); done

# ask NAME: sets it to the line that is typed, or to all lines of a certificate, which says itself where it ends.
ask() {
  local line all=""
  printf '%s: ' "$1"
  while IFS= read -r line; do
    all+=${all:+$'\n'}$line
    if [[ $all != -----BEGIN* || $line == -----END* ]]; then break; fi
  done
  printf -v "$1" '%s' "$all"
  echo
}

missing=() placeholders=()
if [[ -t 0 ]]; then
  # Before the first question: who types quickly would be seen.
  trap 'stty echo' EXIT
  stty -echo
fi
for name in "${ASKED[@]}"; do
  if [[ -z ${!name-} && -t 0 ]]; then ask "$name"; fi
  given=${!name-}
  case ${given,,} in
    "") missing+=("$name") ;;
    *change[-_]me* | changeme* | *'<'*'>'* | *your[-_]* | *example.com* | *placeholder* | password | secret | todo | xxx*) placeholders+=("$name") ;;
  esac
done
if ((${#missing[@]})); then say "missing: ${missing[*]}" >&2; fi
if ((${#placeholders[@]})); then say "only placeholders: ${placeholders[*]}" >&2; fi
if ((${#missing[@]} + ${#placeholders[@]})); then die "nothing was changed"; fi
need_cluster
need_tool openssl "install the package openssl"

begin_secrets
known_by=""
if [[ -n ${DATABASE_CA-} ]]; then
  secret outrigger-database-ca "ca.crt=$(text "$DATABASE_CA")"
  # Where the template of the apps puts it into sidecars.
  known_by="&sslrootcert=/database-ca/ca.crt"
fi
for role in "${ROLES[@]}"; do
  name=DATABASE_PASSWORD_${role^^}
  given="outrigger-db-$role/url"
  KEPT[$given]=$(printf 'postgres://%s:%s@%s/outrigger?sslmode=verify-full%s' "$role" "${!name}" "$DATABASE_HOST" "$known_by" | encode)
  secret "outrigger-db-$role" "password=$(text "${!name}")" "url=${KEPT[$given]}"
done
secret outrigger-redis "host=$(text "$REDIS_HOST")" "password=$(text "$REDIS_PASSWORD")"
secret outrigger-kafka "brokers=$(text "$KAFKA_BROKERS")" "user=$(text "$KAFKA_USER")" "password=$(text "$KAFKA_PASSWORD")" "ca=$(text "$KAFKA_CA")"
secret outrigger-smtp "host=$(text "$SMTP_HOST")" "port=$(text "$SMTP_PORT")" "user=$(text "$SMTP_USER")" "password=$(text "$SMTP_PASSWORD")" "from=$(text "$SMTP_FROM")"
secret outrigger-sms "account=$(text "$SMS_ACCOUNT")" "token=$(text "$SMS_TOKEN")" "from=$(text "$SMS_FROM")"
own_secrets
send_secrets
