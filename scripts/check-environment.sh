#!/usr/bin/env bash
# Fails when a variable is not set, and names each: first step of what would otherwise fail half-way.
#
#   scripts/check-environment.sh NAME...
#
# Prints no value.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  "") die "which variables? (see --help)" ;;
esac
missing=()
for name in "$@"; do
  [[ $name =~ ^[A-Z][A-Z0-9_]*$ ]] || die "'$name' is no name of a variable"
  [[ -n ${!name-} ]] || missing+=("$name")
done
if ((${#missing[@]})); then die "missing: ${missing[*]}; docs/cicd.md says what each is and where it belongs"; fi
