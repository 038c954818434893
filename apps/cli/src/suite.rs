//! The suite that runs on this machine, and where to look for it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use stack::Running;

/// Which run directory is meant.
#[derive(Args, Debug)]
pub(crate) struct Folder {
    /// Where data and logs are kept; `.run` of the repository unless said otherwise
    #[arg(long, value_name = "FOLDER")]
    run_dir: Option<PathBuf>,
}

impl Folder {
    /// The folder, whether something runs there or not.
    pub fn path(&self) -> Result<PathBuf> {
        match &self.run_dir {
            Some(folder) => Ok(folder.clone()),
            None => {
                let root = stack::find_root(&std::env::current_dir()?).context("name the run directory with --run-dir")?;
                Ok(root.join(".run"))
            }
        }
    }

    /// The suite that runs there.
    pub fn suite(&self) -> Result<Running> {
        Running::find(&self.path()?)
    }
}
