//! Images as `docker save` writes them, made of given files: for scripts that look into images.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::recorder::well;

/// What a file of a layer is called, and what stands in it.
pub type File<'a> = (&'a str, &'a [u8]);
/// The files of each layer, the lowest first.
pub type Layers<'a> = &'a [&'a [File<'a>]];

/// Writes one to `out`, with the folder beside it that it is made in.
///
/// # Errors
/// When files cannot be written, or tar fails.
pub fn save(out: &Path, name: &str, config: &Value, layers: Layers<'_>) -> Result<()> {
    let folder = out.with_extension("d");
    let mut members = vec!["manifest.json".to_owned(), "config.json".to_owned()];
    std::fs::create_dir_all(&folder)?;
    for (number, files) in layers.iter().enumerate() {
        let layer = folder.join(format!("files-{number}"));
        let mut names = Vec::new();
        for (path, content) in *files {
            let file = layer.join(path);
            std::fs::create_dir_all(file.parent().context("a folder")?)?;
            std::fs::write(&file, content)?;
            names.push((*path).to_owned());
        }
        let member = format!("{number}.tar");
        tar(&folder.join(&member), &layer, &names)?;
        members.push(member);
    }
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": members[2..] }]);
    std::fs::write(folder.join("manifest.json"), manifest.to_string())?;
    std::fs::write(folder.join("config.json"), json!({ "architecture": "amd64", "os": "linux", "config": config }).to_string())?;
    tar(out, &folder, &members)
}

fn tar(out: &Path, folder: &Path, names: &[String]) -> Result<()> {
    let mut command = std::process::Command::new("tar");
    command.arg("-cf").arg(out).arg("-C").arg(folder).args(names);
    well(&mut command).map(drop)
}
