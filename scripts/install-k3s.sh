#!/usr/bin/env bash
# Installs k3s on this machine, without the Traefik that it brings (scripts/install-traefik.sh installs a pinned one), and writes a kubeconfig
# for the caller. What runs already is left alone.
#
#   scripts/install-k3s.sh [--kubeconfig ~/.kube/k3s.yaml]
#
# For Linux on amd64 and arm64. Needs curl and sudo.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

K3S_VERSION=v1.34.1+k3s1
FILE=$HOME/.kube/k3s.yaml
while (($#)); do
  case $1 in
    --kubeconfig) (($# >= 2)) || die "--kubeconfig needs a value"; FILE=$2; shift 2 ;;
    -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $1 (known: --kubeconfig)" ;;
  esac
done
case $(uname -s)/$(uname -m) in
  Linux/x86_64 | Linux/aarch64) ;;
  *) die "k3s runs on Linux with an amd64 or arm64 processor, this is $(uname -s) on $(uname -m)" ;;
esac
need_tool curl "install the package curl"
need_tool sudo "install the package sudo"

if have k3s; then
  say "k3s: there already"
else
  # To a file first: a script that breaks off in the middle must not be run.
  installer=$(mktemp)
  trap 'rm -f "$installer"' EXIT
  curl --fail --silent --show-error --location --output "$installer" https://get.k3s.io || die "https://get.k3s.io does not answer; nothing was changed"
  sudo env INSTALL_K3S_VERSION="$K3S_VERSION" INSTALL_K3S_EXEC="server --disable traefik" sh "$installer" ||
    die "k3s could not be installed; 'sudo journalctl -u k3s' says how far it came"
fi
mkdir -p "$(dirname "$FILE")"
sudo cat /etc/rancher/k3s/k3s.yaml | install -m 600 /dev/stdin "$FILE"
kubectl --kubeconfig "$FILE" wait --for=condition=Ready node --all --timeout=120s >/dev/null || die "the node did not become ready: 'sudo journalctl -u k3s' says why"
say "k3s: ready; export KUBECONFIG=$FILE"
