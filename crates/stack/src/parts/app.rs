//! One instance of one app: its binary and the environment that every app gets.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

use crate::instance::Instance;
use crate::options::Options;
use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::suite::{App, Suite};
use crate::tools;

/// What the launcher knows that apps are told.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub zipkin_url: Option<String>,
    pub public_url: String,
}

/// The app of one instance.
pub(crate) fn program(
    run: &RunDir,
    options: &Options,
    suite: &Suite,
    app: &App,
    instance: &Instance,
    around: &Surroundings,
) -> Result<Program> {
    let (path, args) = command(options, app)?;
    let probe = Probe::Http { port: instance.app_port, path: "/ready".to_owned() };
    let mut program = parts::program(run, &instance.part(), &path, args, probe);
    program.folder = options.root.clone();
    // The file for all, the file for one, the launcher, the caller: the later wins.
    let of_file = suite.common.env.iter().chain(&app.env);
    program.env = of_file.map(|(key, value)| (key.clone(), value.clone())).collect();
    let told = [
        ("APP_PORT", instance.app_port.to_string()),
        ("DAPR_HTTP_PORT", instance.dapr_http_port.to_string()),
        ("DAPR_GRPC_PORT", instance.dapr_grpc_port.to_string()),
        ("DAPR_API_TOKEN", instance.dapr_api_token.clone()),
        ("APP_API_TOKEN", instance.app_api_token.clone()),
        ("PUBLIC_URL", around.public_url.clone()),
    ];
    program.env.extend(told.map(|(key, value)| (key.to_owned(), value)));
    match &around.zipkin_url {
        Some(url) => program.env.push(("ZIPKIN_URL".to_owned(), url.clone())),
        None => program.without.push("ZIPKIN_URL".to_owned()),
    }
    let of_caller = options.env.get(&app.app_id).into_iter().flatten();
    program.env.extend(of_caller.map(|(key, value)| (key.clone(), value.clone())));
    Ok(program)
}

fn command(options: &Options, app: &App) -> Result<(PathBuf, Vec<String>)> {
    if let Some(command) = options.commands.get(&app.app_id) {
        let (first, args) = command.split_first().with_context(|| format!("the command of {} is empty", app.app_id))?;
        let path = if first.contains('/') { PathBuf::from(first) } else { tools::need(first, "it was asked for by name")? };
        return Ok((path, args.to_vec()));
    }
    let (first, args) = app.command.split_first().with_context(|| format!("{} has no command in dapr.yaml", app.app_id))?;
    let name = first.rsplit('/').next().unwrap_or(first);
    let path = options.bin_dir.join(name);
    if !path.is_file() {
        bail!("{} is not built: {} is missing; run `cargo build`", app.app_id, path.display());
    }
    Ok((path, args.to_vec()))
}
