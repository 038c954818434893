//! The rules of the repository that a reader would otherwise have to remember.

mod fresh;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What `cargo` calls everything that an app links, by the member that links it.
fn trees() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root()?)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> =
        list(&metadata["packages"]).iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let shipped = |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let next = list(&node["deps"])
            .iter()
            .filter(|dependency| shipped(dependency))
            .map(|dependency| text(&dependency["pkg"]))
            .collect();
        edges.insert(text(&node["id"]), next);
    }
    let mut trees = BTreeMap::new();
    for member in list(&metadata["workspace_members"]).iter().map(text) {
        let (mut seen, mut open) = (BTreeSet::new(), vec![member.clone()]);
        while let Some(id) = open.pop() {
            if seen.insert(id.clone()) {
                open.extend(edges.get(&id).cloned().unwrap_or_default());
            }
        }
        let tree = seen.iter().filter_map(|id| names.get(id).cloned()).collect();
        trees.insert(names.get(&member).cloned().unwrap_or_default(), tree);
    }
    Ok(trees)
}

pub(crate) fn root() -> Result<PathBuf> {
    stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The crates that `deny.toml` bans and who may use each all the same.
fn bans() -> Result<Vec<(String, Vec<String>)>> {
    let text = std::fs::read_to_string(root()?.join("deny.toml"))?;
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let bans = text.lines().filter(|line| line.trim_start().starts_with("{ crate = ")).map(|line| {
        let name = quoted(line).first().cloned().unwrap_or_default();
        let wrappers =
            line.split_once("wrappers = [").and_then(|(_, rest)| rest.split_once(']')).map(|(inside, _)| quoted(inside));
        (name, wrappers.unwrap_or_default())
    });
    Ok(bans.collect())
}

#[test]
fn contract_no_app_links_a_database_broker_mail_or_cloud_client() -> Result<()> {
    let (trees, bans) = (trees()?, bans()?);
    ensure!(bans.len() > 10, "deny.toml was read: {bans:?}");
    let with_stack = ["stack", "tests", "outrigger"];
    for (member, tree) in &trees {
        for (banned, wrappers) in &bans {
            // What may use a banned crate may be used in turn by whom the rules let use it: everyone sidecar, only cli and tests stack.
            let excused = wrappers.iter().any(|wrapper| wrapper == "sidecar") || with_stack.contains(&member.as_str());
            ensure!(excused || !tree.contains(banned), "{member} links {banned}");
        }
        ensure!(with_stack.contains(&member.as_str()) || !tree.contains("stack"), "{member} links stack");
    }
    Ok(())
}

#[test]
fn contract_only_the_sidecar_crate_names_dapr() -> Result<()> {
    for folder in ["apps", "crates", "tests"] {
        for manifest in files(&root()?.join(folder), "Cargo.toml")? {
            let text = std::fs::read_to_string(&manifest)?;
            let names = text.lines().any(|line| line.starts_with("dapr.") || line.starts_with("dapr "));
            ensure!(!names || manifest.ends_with("crates/sidecar/Cargo.toml"), "{} names dapr", manifest.display());
            ensure!(text.contains("[lints]\nworkspace = true"), "{} does not share the lints", manifest.display());
        }
    }
    for source in files(&root()?.join("apps"), ".rs")? {
        let text = std::fs::read_to_string(&source)?;
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        ensure!(!text.contains("/v1.0/"), "{} knows a Dapr URL", source.display());
    }
    Ok(())
}

/// The compiler wants words for whatever a crate shows; so nothing may be hidden from it that the rule is for: the handlers of events and
/// the way to Dapr. What is broken in those words fails the documentation.
#[test]
fn contract_what_handles_events_and_what_speaks_to_dapr_is_documented() -> Result<()> {
    let read = |path: &str| -> Result<String> { Ok(std::fs::read_to_string(root()?.join(path))?) };
    let manifest = read("Cargo.toml")?;
    let lints = manifest.split_once("[workspace.lints.rust]").context("lints for all crates")?.1;
    ensure!(lints.lines().take_while(|line| !line.starts_with('[')).any(|line| line == r#"missing_docs = "deny""#), "{lints}");
    ensure!(
        read("scripts/test.sh")?.contains("RUSTDOCFLAGS='-D warnings' cargo doc"),
        "the documentation is no step of the gate"
    );
    let hidden = |text: &str| text.lines().find(|line| line.starts_with("mod ") || line.starts_with("pub(")).map(str::to_owned);
    let way = read("crates/sidecar/src/lib.rs")?;
    ensure!(hidden(&way).is_none(), "the crate sidecar hides {:?}", hidden(&way));
    let mut handlers = 0;
    for source in files(&root()?.join("apps"), "src/events.rs")? {
        let app = std::fs::read_to_string(source.with_file_name("lib.rs"))?;
        ensure!(app.lines().any(|line| line == "pub mod events;"), "{} is hidden", source.display());
        handlers += 1;
    }
    ensure!(handlers >= 5, "{handlers} apps handle events");
    Ok(())
}

#[test]
fn contract_the_readme_leads_to_every_app_and_crate() -> Result<()> {
    let readme = std::fs::read_to_string(root()?.join("README.md"))?;
    for folder in ["apps", "crates"] {
        for entry in std::fs::read_dir(root()?.join(folder))? {
            let link = format!("]({folder}/{})", entry?.file_name().to_string_lossy());
            ensure!(readme.contains(&link), "the README has no link {link}");
        }
    }
    Ok(())
}

#[test]
fn contract_every_source_file_opens_with_what_it_is_for_and_fits_a_few_screens() -> Result<()> {
    for folder in ["apps", "crates", "tests"] {
        for source in files(&root()?.join(folder), ".rs")? {
            let text = std::fs::read_to_string(&source)?;
            ensure!(text.starts_with("//!"), "{} does not open with a //! sentence", source.display());
            let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
            ensure!(lines <= 450, "{} has {lines} lines without its tests; which room does a part belong to?", source.display());
        }
    }
    Ok(())
}

/// Where things are: each app is a crate of its name, and the folders that README and ARCHITECTURE lead to are there. Seen red: a folder of
/// `apps` without a crate, an app of dapr.yaml without a folder.
#[test]
fn contract_one_workspace_holds_a_crate_for_each_app_and_every_folder_of_the_map() -> Result<()> {
    let root = root()?;
    let members: BTreeSet<String> = trees()?.into_keys().collect();
    let folders = |of: &str| -> Result<BTreeSet<String>> {
        let entries: Vec<_> = std::fs::read_dir(root.join(of))?.collect::<std::io::Result<_>>()?;
        let names =
            entries.iter().filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.collect())
    };
    let apps = folders("apps")?;
    for app in &apps {
        // The command line is called as people call it.
        let name = if app == "cli" { "outrigger" } else { app };
        ensure!(members.contains(name), "apps/{app} is no crate of the workspace called {name}: {members:?}");
    }
    let suite: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(root.join("dapr.yaml"))?)?;
    for app in suite["apps"].as_array().context("apps")? {
        let id = app["appID"].as_str().unwrap_or_default();
        ensure!(apps.contains(id), "dapr.yaml starts {id}, which has no folder in apps");
    }
    for name in folders("crates")? {
        ensure!(members.contains(&name), "crates/{name} is no crate of the workspace of that name");
    }
    let map = [
        "components/common",
        "components/local",
        "components/kafka",
        "components/cloud",
        "k8s/base",
        "k8s/local",
        "k8s/cloud",
        "k8s/staging",
        "k8s/production",
        "k8s/helm-charts",
        "scripts",
        "monitoring",
        "tests",
        "docs",
    ];
    for folder in map {
        ensure!(root.join(folder).is_dir(), "there is no {folder}");
    }
    for folder in ["apps", "crates", "tests"] {
        let locks = files(&root.join(folder), "Cargo.lock")?;
        ensure!(locks.is_empty(), "there is one lock, at the root: {locks:?}");
    }
    Ok(())
}

/// Every file below a folder whose name ends so.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    Ok(found)
}
