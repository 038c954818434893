//! dapr.yaml: the apps, their ports and commands, as `dapr run -f .` reads it too.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The whole file, as far as the launcher needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct Suite {
    pub apps: Vec<App>,
    pub common: Common,
}

/// What every app gets.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Common {
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// One app and how it is started.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct App {
    #[serde(rename = "appID")]
    pub app_id: String,
    pub app_port: u16,
    pub command: Vec<String>,
    /// Dapr's configuration of its sidecar, in the run directory: each app may read another secret.
    pub config_file_path: String,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl Suite {
    /// Reads the file in the repository's root.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join("dapr.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_yaml_ng::from_str(&text).with_context(|| format!("{} is not what the launcher expects", path.display()))
    }
}
