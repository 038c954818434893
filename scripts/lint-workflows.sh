#!/usr/bin/env bash
# Reads every workflow as GitHub will, and the shell in it with shellcheck.
#
#   scripts/lint-workflows.sh [FILE...]
#
# Needs Go where actionlint is missing, and shellcheck. Leaves actionlint in ~/.cache/outrigger.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
cd "$ROOT"

case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  -*) die "unknown option $1" ;;
esac
# Without it actionlint is content with any shell.
need_tool shellcheck "install the package shellcheck"
need_actionlint
if (($#)); then files=("$@"); else files=(.github/workflows/*); fi
actionlint -no-color "${files[@]}"
