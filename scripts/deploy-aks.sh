#!/usr/bin/env bash
# Deploys a release to Azure's Kubernetes by the Helm chart, validates it at the public address, and goes back when it is not well.
#
#   scripts/deploy-aks.sh --resource-group GROUP --cluster NAME
#                         --host tasks.example.org --mail admin@example.org --registry registry.example/team --tag TAG
#
# Needs az, signed in, kubectl, helm and curl; in the cluster an ingress controller of the class nginx, cert-manager
# (scripts/install-cert-manager.sh) and the secrets (scripts/create-cloud-secrets.sh). Installs Dapr. Leaves ~/.kube/outrigger-aks.yaml.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_managed.sh
source "$ROOT/scripts/_managed.sh"

RESOURCE_GROUP="" CLUSTER=""
read_options "resource-group cluster" "$@"
need_tool az "https://learn.microsoft.com/cli/azure/install-azure-cli"
use_kubeconfig aks
az aks get-credentials --resource-group "$RESOURCE_GROUP" --name "$CLUSTER" --file "$KUBECONFIG" --overwrite-existing ||
  die "az gave no credentials: 'az login', and see whether --resource-group and --cluster are right"
release
