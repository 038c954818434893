#!/usr/bin/env bash
# Deploys a release to Oracle's Kubernetes by the Helm chart, validates it at the public address, and goes back when it is not well.
#
#   scripts/deploy-oke.sh --cluster-id OCID --region REGION
#                         --host tasks.example.org --mail admin@example.org --registry registry.example/team --tag TAG
#
# Needs oci, signed in, kubectl, helm and curl; in the cluster an ingress controller of the class nginx, cert-manager
# (scripts/install-cert-manager.sh) and the secrets (scripts/create-cloud-secrets.sh). Installs Dapr. Leaves ~/.kube/outrigger-oke.yaml.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_managed.sh
source "$ROOT/scripts/_managed.sh"

CLUSTER_ID="" REGION=""
read_options "cluster-id region" "$@"
need_tool oci "https://docs.oracle.com/iaas/Content/API/SDKDocs/cliinstall.htm"
use_kubeconfig oke
oci ce cluster create-kubeconfig --cluster-id "$CLUSTER_ID" --region "$REGION" --file "$KUBECONFIG" --token-version 2.0.0 --kube-endpoint PUBLIC_ENDPOINT --overwrite ||
  die "oci gave no credentials: 'oci setup config', and see whether --cluster-id and --region are right"
release
