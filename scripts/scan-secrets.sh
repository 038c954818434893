#!/usr/bin/env bash
# Looks for secrets in every commit, with gitleaks; names commit, file and rule of each, and not the secret.
#
#   scripts/scan-secrets.sh [FOLDER]
#
# FOLDER is another clone. Needs git, and Go where gitleaks is missing: two minutes, once per machine. Leaves gitleaks in ~/.cache/outrigger.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  -*) die "unknown option $1" ;;
esac
FOLDER=${1:-$ROOT}
need_tool git "install the package git"
shallow=$(git -C "$FOLDER" rev-parse --is-shallow-repository) || die "$FOLDER is no clone"
[[ $shallow == false ]] || die "only a part of the history is here: clone with all of it (fetch-depth: 0)"

need_gitleaks
gitleaks git --no-banner --redact --verbose --log-level warn "$FOLDER" || die "secrets are in the history: revoke each, then take it out"
say "no secret in $(git -C "$FOLDER" rev-list --count HEAD) commits"
