#!/usr/bin/env bash
# Reads Grafana's dashboards by Grafana's own schema: says which word it does not know, what it does not take, and what is missing.
#
#   scripts/check-dashboards.sh [FILE...]
#
# Without FILE those of monitoring/grafana. Needs Go the first time. Leaves a program of 14 MB in ~/.cache/outrigger.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  -*) die "unknown option $1 (see --help)" ;;
esac
need_grafana_schema
if (($# == 0)); then set -- "$ROOT"/monitoring/grafana/dashboards/*.json; fi
grafana-schema "$@"
