#!/usr/bin/env bash
# Deploys a release to Google's Kubernetes by the Helm chart, validates it at the public address, and goes back when it is not well.
#
#   scripts/deploy-gke.sh --project PROJECT --location REGION-OR-ZONE --cluster NAME
#                         --host tasks.example.org --mail admin@example.org --registry registry.example/team --tag TAG
#
# Needs gcloud with gke-gcloud-auth-plugin, signed in, kubectl, helm and curl; in the cluster an ingress controller of the class nginx, cert-manager
# (scripts/install-cert-manager.sh) and the secrets (scripts/create-cloud-secrets.sh). Installs Dapr. Leaves ~/.kube/outrigger-gke.yaml.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"
# shellcheck source=scripts/_managed.sh
source "$ROOT/scripts/_managed.sh"

PROJECT="" LOCATION="" CLUSTER=""
read_options "project location cluster" "$@"
need_tool gcloud "https://cloud.google.com/sdk/docs/install"
need_tool gke-gcloud-auth-plugin "gcloud components install gke-gcloud-auth-plugin"
use_kubeconfig gke
gcloud container clusters get-credentials "$CLUSTER" --location "$LOCATION" --project "$PROJECT" ||
  die "gcloud gave no credentials: 'gcloud auth login', and see whether --project, --location and --cluster are right"
release
