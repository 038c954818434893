//! Scripts run beside programs that stand in for others: recorders, which note what they are asked for in the order of the calls.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

/// What a command that succeeds says.
pub fn well(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(String::from_utf8(output.stdout)?)
}

/// Both of its outputs.
pub fn said(output: &Output) -> String {
    format!("{}{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether this is root's, as what has a daemon or a root folder of its own must be.
pub fn is_roots() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A folder of a test's own, gone with it, with programs that stand in for others.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("outrigger-scratch-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(folder.join("bin"))?;
        Ok(Self(folder))
    }

    /// A place in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A program at a path of this folder.
    pub fn program(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        std::fs::write(&path, text)?;
        Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?)
    }

    /// A command that finds this folder's programs first, and knows nothing else of this machine.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("SCRATCH", &self.0).env("HOME", &self.0).current_dir(&self.0);
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display()));
        command
    }

    /// A script of the repository, so.
    pub fn script(&self, name: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = self.command(stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR")))?.join(name));
        command.args(arguments);
        Ok(command)
    }

    /// What the programs noted since it was last asked.
    pub fn log(&self) -> Result<String> {
        let path = self.path("log");
        let text = if path.exists() { std::fs::read_to_string(&path)? } else { String::new() };
        std::fs::write(path, "")?;
        Ok(text)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
