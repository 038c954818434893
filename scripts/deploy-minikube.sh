#!/usr/bin/env bash
# Another name of scripts/deploy-local.sh, whose help it shows: it deploys to Minikube unless it is told otherwise.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/deploy-local.sh" "$@"
