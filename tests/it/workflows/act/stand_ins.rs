//! What the jobs find in the place of what takes long, of what is not here, and of GitHub's own actions. Each notes in `$SCRATCH/log` which job
//! asked it for what.

/// They note that they were called, and fail where the pattern FAILS says so.
pub(super) const RECORDER: &str = r#"#!/bin/bash
call="${0#"$SCRATCH/bin/"} $*"
call=${call% }
echo "$GITHUB_WORKFLOW/$GITHUB_JOB: $call" >>"$SCRATCH/log"
if [[ -n ${FAILS-} && $call == $FAILS ]]; then echo "it says no" >&2; exit 1; fi
if [[ $call == "minikube ip" ]]; then echo 192.0.2.1; fi
"#;

/// A registry of files, for whoever has signed in on this machine. The first machine to push a commit is of one processor, the second of the other.
pub(super) const SIGNED_IN: &str = r#"#!/bin/bash
set -eu
case $1 in
  login)
    token=$(cat)
    echo "$GITHUB_WORKFLOW/$GITHUB_JOB: docker $* < ${token:-nothing}" >>"$SCRATCH/log"
    touch "$RUNNER_TEMP/signed-in"
    ;;
  version) if mkdir "$SCRATCH/pushed-$GITHUB_SHA" 2>/dev/null; then echo amd64; else echo arm64; fi ;;
  *)
    [[ -e $RUNNER_TEMP/signed-in ]] || { echo "denied: nobody has signed in" >&2; exit 1; }
    SCRATCH=$SCRATCH/packages exec "$SCRATCH/docker-of-files" "$@"
    ;;
esac
"#;

/// A kubeconfig is the name of a cluster of files. What is looked at after a failure is noted.
pub(super) const KUBECTL: &str = r#"#!/bin/bash
set -eu
case " $* " in
  *" get pods,events "*) echo "$GITHUB_WORKFLOW/$GITHUB_JOB: kubectl $*" >>"$SCRATCH/log" ;;
  *) SCRATCH=$SCRATCH/$(<"$KUBECONFIG") exec "$SCRATCH/kubectl-of-files" "$@" ;;
esac
"#;

/// The shell of the steps: act may lose the last words of one that fails, so they are kept here too. What a step calls has the usual one.
pub(super) const SHELL: &str = r#"#!/bin/bash
if [[ -n ${KEPT-} ]]; then exec /bin/bash "$@"; fi
KEPT=yes /bin/bash "$@" 2>&1 | tee -a "$SCRATCH/says"
exit "${PIPESTATUS[0]}"
"#;

/// What GitHub's own does with these inputs, from the story's repository. No token is left behind, so none may be asked for.
pub(super) const CHECKOUT: &str = r#"
name: checkout
inputs: { ref: {}, fetch-depth: { default: "1" }, persist-credentials: { default: "true" } }
runs:
  using: composite
  steps:
    - shell: bash
      env: { REF: "${{ inputs.ref || github.sha }}", DEPTH: "${{ inputs.fetch-depth }}", PERSIST: "${{ inputs.persist-credentials }}" }
      run: |
        [[ $PERSIST == false ]]
        git init --quiet .
        depth=(--depth "$DEPTH")
        if [[ $DEPTH == 0 ]]; then depth=(); fi
        git fetch --quiet "${depth[@]}" "file://$SCRATCH/repository" "$REF"
        git checkout --quiet FETCH_HEAD
        commits=$(git rev-list --count HEAD)
        if ((commits > 1)); then history=", with its history"; else history=""; fi
        echo "$GITHUB_WORKFLOW/$GITHUB_JOB: checkout $(git rev-parse HEAD)$history" >>"$SCRATCH/log"
"#;

/// Knows what it keeps by the sums of the tools, and keeps nothing.
pub(super) const CACHE: &str = r#"
name: cache
inputs: { path: { required: true }, key: { required: true } }
runs:
  using: composite
  steps:
    - shell: bash
      env: { PLACE: "${{ inputs.path }}", KEY: "${{ inputs.key }}" }
      run: |
        [[ $KEY =~ ^tools-[A-Za-z]+-[A-Z0-9]+-[0-9a-f]{64}$ ]]
        echo "$GITHUB_WORKFLOW/$GITHUB_JOB: cache $PLACE" >>"$SCRATCH/log"
"#;
