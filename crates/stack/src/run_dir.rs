//! The run directory: one launcher at a time, and nothing left over from one that was killed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::running;
use crate::tree::{command_line, signal_tree};

/// Held while a stack lives in the folder.
pub(crate) const LOCK: &str = "lock";

/// The folder that a stack lives in, held against other launchers.
#[derive(Debug)]
pub(crate) struct RunDir {
    pub path: PathBuf,
    /// The system lets go of the lock when the process ends, however it ends, so none can be stale.
    _lock: Option<File>,
}

impl RunDir {
    /// Makes the folder where needed, takes it, and ends what a killed launcher left running.
    pub fn take(path: &Path) -> Result<Self> {
        for folder in ["", "logs", "pids", "root"] {
            let folder = path.join(folder);
            std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let path = path.canonicalize().with_context(|| format!("finding {}", path.display()))?;
        // The database's own user has to walk through it.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o711))?;
        let lock = lock(&path)?;
        // A launcher that was killed could not take back what it said.
        let _ = std::fs::remove_file(path.join(running::FILE));
        end_leftovers(&path.join("pids"));
        set_logs_aside(&path.join("logs"))?;

        // `.run/secrets.json` in the components is found from a folder in which `.run` is this one, wherever it really is.
        let link = path.join("root/.run");
        if !link.exists() {
            std::os::unix::fs::symlink(&path, &link).with_context(|| format!("making {}", link.display()))?;
        }
        Ok(Self { path, _lock: Some(lock) })
    }

    /// The folder while others use it too, as containers do: nothing is taken, and nothing of theirs is ended.
    pub fn shared(path: &Path) -> Self {
        Self { path: path.to_path_buf(), _lock: None }
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
    if file.try_lock().is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        bail!(
            "{} is in use by the launcher with process id {}; stop that one first (Ctrl-C in its terminal)",
            folder.display(),
            holder.trim()
        );
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Each run has logs of its own; those of the run before are kept beside them.
fn set_logs_aside(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "log") {
            std::fs::rename(&path, path.with_extension("log.previous"))?;
        }
    }
    Ok(())
}

/// Ends processes whose launcher was killed before it could: only those that still are what the file says.
fn end_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if let Some((pid, program)) = text.split_once('\n').and_then(|(pid, program)| Some((pid.parse::<u32>().ok()?, program))) {
            let same = |pid| command_line(pid).is_some_and(|line| line.contains(program));
            if same(pid) {
                signal_tree(pid, Signal::SIGKILL);
                let until = Instant::now() + Duration::from_secs(5);
                while same(pid) && Instant::now() < until {
                    std::thread::yield_now();
                }
            }
        }
        let _ = std::fs::remove_file(entry.path());
    }
}
