//! Java archives from Maven, resolved once for all checkouts into the cache.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{parts, tools};

/// The folder with everything that `scripts/<name>/pom.xml` depends on, and whether it is there already.
pub(crate) fn folder(root: &Path, name: &str) -> Result<(PathBuf, bool)> {
    let pom = root.join("scripts").join(name).join("pom.xml");
    let text = std::fs::read(&pom).with_context(|| format!("reading {}", pom.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let folder = tools::cache()?.join(format!("{name}-{:016x}", hasher.finish()));
    let complete = folder.is_dir();
    Ok((folder, complete))
}

/// Fetches what is missing. The folder appears whole or not at all.
pub(crate) async fn fetch(root: &Path, name: &str, folder: &Path) -> Result<()> {
    let maven = tools::need("mvn", "install Maven (Debian: maven, macOS: brew install maven)")?;
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    let mut command = Command::new(maven);
    command.args(["-q", "-B", "-f"]).arg(root.join("scripts").join(name).join("pom.xml"));
    command.args(["org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DincludeScope=runtime"]);
    command.arg(format!("-DoutputDirectory={}", partial.display()));
    parts::run(&mut command).await.with_context(|| format!("fetching {name} from Maven"))?;
    if let Err(error) = std::fs::rename(&partial, folder) {
        std::fs::remove_dir_all(&partial)?;
        // Unless another launcher was faster and its folder is the same.
        if !folder.is_dir() {
            return Err(error).with_context(|| format!("keeping {}", folder.display()));
        }
    }
    Ok(())
}
