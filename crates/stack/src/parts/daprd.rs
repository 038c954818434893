//! One sidecar, and the configuration that all of them read.

use std::path::Path;

use anyhow::{Context, Result};

use crate::instance::Instance;
use crate::options::Options;
use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;

/// Files of up to 10 MiB pass through sidecars, with what encoding adds.
const MAX_BODY: &str = "16Mi";

/// Renders Dapr's configuration: it cannot refer to secrets, so it is not among the components.
pub(crate) fn render_config(run: &RunDir, zipkin: Option<u16>) -> Result<()> {
    let names = run.join("names.db");
    // The addresses of the last run are nobody's now.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(run.join(&format!("names.db{suffix}")));
    }
    let tracing = match zipkin {
        Some(port) => format!(
            "    samplingRate: \"1\"\n    zipkin:\n      endpointAddress: http://127.0.0.1:{port}/api/v2/spans\n"
        ),
        None => "    samplingRate: \"0\"\n".to_owned(),
    };
    let text = format!(
        "# Rendered at each start; change crates/stack/src/parts/daprd.rs instead.\n\
         apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: outrigger\nspec:\n  tracing:\n{tracing}  \
         metrics:\n    enabled: true\n  nameResolution:\n    component: sqlite\n    version: v1\n    configuration:\n      \
         connectionString: \"{}\"\n",
        names.display()
    );
    let path = run.join("config.yaml");
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// The sidecar of one instance.
pub(crate) fn program(
    run: &RunDir,
    options: &Options,
    daprd: &Path,
    instance: &Instance,
) -> Program {
    let flags = [
        ("app-id", instance.app.clone()),
        ("app-port", instance.app_port.to_string()),
        ("dapr-http-port", instance.dapr_http_port.to_string()),
        ("dapr-grpc-port", instance.dapr_grpc_port.to_string()),
        (
            "dapr-internal-grpc-port",
            instance.dapr_internal_port.to_string(),
        ),
        ("metrics-port", instance.metrics_port.to_string()),
        // All interfaces are the default of each of these.
        ("dapr-listen-addresses", "127.0.0.1".to_owned()),
        ("dapr-internal-grpc-listen-address", "127.0.0.1".to_owned()),
        ("metrics-listen-address", "127.0.0.1".to_owned()),
        (
            "resources-path",
            options.root.join("components/common").display().to_string(),
        ),
        (
            "resources-path",
            options
                .root
                .join("components")
                .join(options.set.name())
                .display()
                .to_string(),
        ),
        ("config", run.join("config.yaml").display().to_string()),
        ("max-body-size", MAX_BODY.to_owned()),
    ];
    let mut args: Vec<String> = flags
        .into_iter()
        .flat_map(|(flag, value)| [format!("--{flag}"), value])
        .collect();
    args.push("--log-as-json".to_owned());
    // Ready when its own API can be used: whether the app answers is the app's part to say.
    let probe = Probe::Http {
        port: instance.dapr_http_port,
        path: "/v1.0/healthz/outbound",
    };
    let mut program = parts::program(run, &instance.daprd_part(), daprd, args, probe);
    program.folder = run.join("root");
    program.env = vec![
        ("DAPR_HOST_IP".to_owned(), "127.0.0.1".to_owned()),
        ("DAPR_API_TOKEN".to_owned(), instance.dapr_api_token.clone()),
        ("APP_API_TOKEN".to_owned(), instance.app_api_token.clone()),
    ];
    program
}
