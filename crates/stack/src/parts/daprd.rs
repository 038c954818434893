//! One sidecar, and the configuration that all of them read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::instance::Instance;
use crate::options::Options;
use crate::part::Program;
use crate::parts;
use crate::ports::Address;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::suite::Suite;

/// Files of up to 10 MiB pass through sidecars, with what encoding adds.
const MAX_BODY: &str = "16Mi";

/// Who makes tokens: it reads the key they are signed with, and the secret of every app, to know who comes.
const SIGNER: &str = "identity";

/// The addresses of the last run are nobody's now.
pub(crate) fn forget_names(run: &RunDir) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(run.join(&format!("names.db{suffix}")));
    }
}

/// Renders Dapr's configurations: they cannot refer to secrets, so they are not among the components.
pub(crate) fn render_configs(run: &RunDir, suite: &Suite, zipkin: Option<Address>) -> Result<()> {
    for app in &suite.apps {
        let path = config_path(run, suite, &app.app_id);
        // What an app may read by itself is the secret it signs in with. Components get the rest by reference, whatever this says.
        let mut secrets = format!("outrigger-client-{}", app.app_id);
        if app.app_id == SIGNER {
            secrets.push_str(", outrigger-clients, outrigger-jwt");
        }
        let text = config(&run.join("names.db"), zipkin, &secrets);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The file that dapr.yaml names for this app, in this run directory.
fn config_path(run: &RunDir, suite: &Suite, app_id: &str) -> PathBuf {
    let path = suite.apps.iter().find(|app| app.app_id == app_id).map_or(app_id, |app| &app.config_file_path);
    run.join(path.rsplit('/').next().unwrap_or(path))
}

fn config(names: &Path, zipkin: Option<Address>, secrets: &str) -> String {
    let tracing = match zipkin {
        Some(at) => format!("samplingRate: \"1\"\n    zipkin:\n      endpointAddress: http://{at}/api/v2/spans"),
        None => "samplingRate: \"0\"".to_owned(),
    };
    format!(
        "# Rendered at each start; change crates/stack/src/parts/daprd.rs instead.
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: outrigger
spec:
  tracing:
    {tracing}
  metrics:
    enabled: true
  nameResolution:
    component: sqlite
    version: v1
    configuration:
      # The names are thrown away at each start, so no write waits for the disk.
      connectionString: \"{}?_pragma=synchronous(OFF)\"
      # Two sidecars that switch a new file to WAL at the same moment do not wait for each other: one says that the database is locked, runs on,
      # and nobody finds its app (once in 60 starts of four).
      disableWAL: true
      busyTimeout: 5s
      # A name is renewed each `updateInterval - timeout` and forgotten after `updateInterval`, in whole seconds: with the defaults (5 s and 1 s)
      # a renewal that is a moment late makes an app unknown to the others.
      updateInterval: 30s
      timeout: 10s
      # Never: the clean-up takes the names that were renewed just now, not those that were not, and their sidecars end.
      cleanupInterval: 0s
  secrets:
    scopes:
      - storeName: secretstore
        defaultAccess: deny
        allowedSecrets: [{secrets}]
",
        names.display()
    )
}

/// The sidecar of one instance; without a scheduler's port it refuses jobs.
pub(crate) fn program(
    run: &RunDir,
    options: &Options,
    daprd: &Path,
    suite: &Suite,
    instance: &Instance,
    scheduler: Option<u16>,
) -> Program {
    let flags = [
        ("app-id", instance.app.clone()),
        ("app-port", instance.app_port.to_string()),
        ("dapr-http-port", instance.dapr_http_port.to_string()),
        ("dapr-grpc-port", instance.dapr_grpc_port.to_string()),
        ("dapr-internal-grpc-port", instance.dapr_internal_port.to_string()),
        ("metrics-port", instance.metrics_port.to_string()),
        // All interfaces are the default of each of these.
        ("dapr-listen-addresses", "127.0.0.1".to_owned()),
        ("dapr-internal-grpc-listen-address", instance.host.to_string()),
        ("metrics-listen-address", "127.0.0.1".to_owned()),
        ("resources-path", options.root.join("components/common").display().to_string()),
        ("resources-path", options.root.join("components").join(options.set.name()).display().to_string()),
        ("config", config_path(run, suite, &instance.app).display().to_string()),
        ("max-body-size", MAX_BODY.to_owned()),
    ];
    let mut args: Vec<String> = flags.into_iter().flat_map(|(flag, value)| [format!("--{flag}"), value]).collect();
    args.push("--log-as-json".to_owned());
    if let Some(port) = scheduler {
        args.push(format!("--scheduler-host-address=127.0.0.1:{port}"));
    }
    // Ready when its own API can be used: whether the app answers is the app's part to say.
    let probe = Probe::Http { port: instance.dapr_http_port, path: "/v1.0/healthz/outbound".to_owned() };
    let mut program = parts::program(run, &instance.daprd_part(), daprd, args, probe);
    program.folder = run.join("root");
    program.env = vec![
        ("DAPR_HOST_IP".to_owned(), instance.host.to_string()),
        // What a cluster sets, and `{podName}` in a component stands for.
        ("POD_NAME".to_owned(), instance.part()),
        ("DAPR_API_TOKEN".to_owned(), instance.dapr_api_token.clone()),
        ("APP_API_TOKEN".to_owned(), instance.app_api_token.clone()),
    ];
    program
}
