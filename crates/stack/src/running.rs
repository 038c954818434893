//! `suite.json`: how other programs find what runs in a run directory, and how it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::instance::Instance;
use crate::part::Program;
use crate::probe::Probe;
use crate::run_dir::LOCK;
use crate::secrets::{SCHEMAS, Secrets, write_private};
use crate::stack::{Stack, join_all};

/// There while a suite runs, for its owner's eyes only: it holds tokens.
pub(crate) const FILE: &str = "suite.json";

/// A suite that runs in a run directory, as its launcher wrote it down.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    /// The launcher's process id.
    pub pid: u32,
    /// The component set.
    pub set: String,
    /// The address of the front door.
    pub front_url: String,
    /// Zipkin's address, when traces are collected.
    pub zipkin_url: Option<String>,
    /// Where caught mail and text messages can be read.
    pub inbox_url: String,
    /// Every app with its sidecar.
    pub instances: Vec<RunningInstance>,
    /// How each part is asked, in the order of starting.
    parts: Vec<(String, Probe)>,
    #[serde(skip)]
    run_dir: PathBuf,
}

/// One app with its sidecar, and how the app is started.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunningInstance {
    /// Ports and tokens.
    #[serde(flatten)]
    pub instance: Instance,
    /// The app's program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What the launcher adds to its environment.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Whether a schema of the database is its own.
    pub owns_schema: bool,
}

/// How one part was when it was asked.
#[derive(Clone, Debug)]
pub struct Look {
    /// The part's name.
    pub part: String,
    /// Whether it can be used.
    pub ready: bool,
    /// What an app or sidecar answered: a status and a body.
    pub answer: Option<(u16, String)>,
}

impl Running {
    /// The suite that runs in this run directory.
    ///
    /// # Errors
    /// When nothing runs there; the message says what to do.
    pub fn find(run_dir: &Path) -> Result<Self> {
        let nothing = || {
            format!(
                "nothing runs in {}: start it with `outrigger dev` (scripts/run-local.sh does), or name another folder with --run-dir",
                run_dir.display()
            )
        };
        let path = run_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(nothing()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        // A launcher that was killed leaves the file, but never the lock.
        if File::open(run_dir.join(LOCK)).is_ok_and(|lock| lock.try_lock_shared().is_ok()) {
            bail!("{}; its launcher was killed", nothing());
        }
        let running: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is of another release of the launcher", path.display()))?;
        Ok(Self { run_dir: run_dir.to_path_buf(), ..running })
    }

    /// Asks every part at the same time how it is; in the order of starting.
    pub async fn look(&self) -> Vec<Look> {
        let each = self.parts.iter().map(|(part, probe)| async {
            let (ready, answer) = tokio::join!(probe.ask(), probe.answer_text());
            Look { part: part.clone(), ready, answer }
        });
        join_all(each).await
    }

    /// One key of one secret, as the sidecars get it.
    ///
    /// # Errors
    /// When the file cannot be read or has no such key.
    pub fn secret(&self, name: &str, key: &str) -> Result<String> {
        let path = self.run_dir.join("secrets.json");
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut secrets: Secrets = serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
        let found = secrets.get_mut(name).and_then(|keys| keys.remove(key));
        found.with_context(|| format!("{} has no key {key} of {name}", path.display()))
    }
}

/// Writes down what is about to start: whoever looks while it starts finds parts that are not ready yet.
pub(crate) fn write(stack: &Stack, programs: &[Program]) -> Result<()> {
    let instances = stack.instances.iter().filter_map(|instance| {
        let program = programs.iter().find(|program| program.name == instance.part())?;
        Some(RunningInstance {
            instance: instance.clone(),
            program: program.path.clone(),
            args: program.args.clone(),
            env: program.env.iter().cloned().collect(),
            folder: program.folder.clone(),
            owns_schema: SCHEMAS.contains(&instance.app.as_str()),
        })
    });
    let running = Running {
        pid: std::process::id(),
        set: stack.options.set.name().to_owned(),
        front_url: stack.front_url(),
        zipkin_url: stack.zipkin_url(),
        inbox_url: stack.inbox_url(),
        instances: instances.collect(),
        parts: programs.iter().map(|program| (program.name.clone(), program.probe.clone())).collect(),
        run_dir: PathBuf::new(),
    };
    write_private(&stack.run.join(FILE), &serde_json::to_vec_pretty(&running)?)
}
