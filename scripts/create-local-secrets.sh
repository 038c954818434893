#!/usr/bin/env bash
# Makes every secret of a cluster on a laptop, with random values: database roles, keys of tokens, Redis, the apps' own, and where mail goes.
#
#   scripts/create-local-secrets.sh [--rotate]
#
# What exists is kept, so it can be run as often as wanted. --rotate makes all of them anew but for the password of the database's owner;
# scripts/deploy-local.sh then tells the database and the pods.
# KAFKA_BROKERS says where Kafka is; what was said before is kept, and at first it is the one that scripts/setup-kafka.sh makes.
# Needs kubectl and openssl. Leaves secrets in the namespace `outrigger`, and nothing on this machine.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_secrets.sh
source "$ROOT/scripts/_secrets.sh"

ROTATE=no
for argument in "$@"; do
  case $argument in
    --rotate) ROTATE=yes ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $argument (known: --rotate)" ;;
  esac
done
need_cluster
need_tool openssl "install the package openssl"

begin_secrets
if [[ $ROTATE == yes ]]; then
  OWNER=${KEPT[outrigger-postgres/password]-}
  KEPT=()
  if [[ -n $OWNER ]]; then KEPT[outrigger-postgres/password]=$OWNER; fi
fi

value outrigger-postgres/password random
secret outrigger-postgres "password=$VALUE"

for role in "${ROLES[@]}"; do
  value "outrigger-db-$role/password" random
  password=$VALUE
  url=$(printf 'postgres://%s:%s@postgres:5432/outrigger?sslmode=disable' "$role" "$(printf '%s' "$password" | base64 -d)" | encode)
  secret "outrigger-db-$role" "password=$password" "url=$url"
done

value outrigger-redis/password random
secret outrigger-redis "host=$(text redis:6379)" "password=$VALUE"

# The mailbox of the cluster asks for no password.
secret outrigger-smtp "host=$(text mailbox)" "port=$(text 1025)" "user=" "password=" "from=$(text reminders@outrigger.example)"
secret outrigger-sms "url=$(text http://mailbox:8025/sms)" "from=$(text +15550100)"
# An address that is there stays until another is said: a sidecar that still uses it would end with it.
if [[ -n ${KAFKA_BROKERS-} ]]; then KEPT[outrigger-kafka/brokers]=$(text "$KAFKA_BROKERS"); fi
brokers=${KEPT[outrigger-kafka/brokers]-}
secret outrigger-kafka "brokers=${brokers:-$(text outrigger-kafka-bootstrap.kafka:9092)}" "user=" "password=" "ca="

own_secrets
send_secrets
