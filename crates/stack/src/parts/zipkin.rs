//! Zipkin, which keeps the traces of this run in memory.

use std::path::Path;

use anyhow::{Context, Result};

use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::tools;

/// How long it keeps a connection that nobody uses. Its own 15 s are three of the five seconds between which a sidecar reports: the connection
/// ends just as the next spans are sent, and what was sent is lost, one report in forty. Sidecars and apps let go after 90 s themselves.
const IDLE: &str = "-Dcom.linecorp.armeria.defaultServerIdleTimeoutMillis=120000";

/// How the archive in this folder is started.
pub(crate) fn program(run: &RunDir, jars: &Path, port: u16) -> Result<Program> {
    let java = tools::need(
        "java",
        "install a Java 17 runtime (Debian: openjdk-17-jre-headless, macOS: brew install openjdk@17), or start with --no-zipkin",
    )?;
    let jar = std::fs::read_dir(jars)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "jar"));
    let jar = jar.with_context(|| format!("there is no archive in {}; remove that folder to fetch it again", jars.display()))?;
    let args = [
        "-Xms64m".to_owned(),
        "-Xmx384m".to_owned(),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        IDLE.to_owned(),
        "-jar".to_owned(),
        jar.display().to_string(),
        "--armeria.ports[0].ip=127.0.0.1".to_owned(),
        format!("--armeria.ports[0].port={port}"),
        "--armeria.ports[0].protocols[0]=http".to_owned(),
        "--logging.level.root=WARN".to_owned(),
    ];
    let mut program = parts::program(run, "zipkin", &java, args.to_vec(), Probe::Http { port, path: "/health".to_owned() });
    program.env.push(("STORAGE_TYPE".to_owned(), "mem".to_owned()));
    // The oldest go first. Half a million, as is the default, are more than the heap has.
    program.env.push(("MEM_MAX_SPANS".to_owned(), "150000".to_owned()));
    program.env.push(("QUERY_PORT".to_owned(), port.to_string()));
    Ok(program)
}
