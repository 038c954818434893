//! Which change builds which image.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{Workflow, images, workflow, workflows};
use crate::workspace::{files, root};

/// A changed file, and the images that it touches: `*` for all.
const TABLE: &[(&str, &str)] = &[
    ("apps/identity/src/lib.rs", "identity"),
    ("apps/gateway/src/routes.rs", "gateway"),
    ("apps/tasks/src/store/create.sql", "tasks"),
    ("apps/tasks/migrations/001_initial_schema.sql", "tasks"),
    ("apps/recurrence/src/events.rs", "recurrence"),
    ("apps/reminders/Cargo.toml", "reminders"),
    ("apps/notifications/src/lib.rs", "notifications"),
    ("apps/realtime/src/lib.rs", "realtime"),
    ("apps/audit/src/lib.rs", "audit"),
    ("apps/web/static/app.css", "web"),
    ("apps/cli/src/main.rs", "outrigger"),
    ("docs/openapi/tasks.json", "gateway"),
    ("crates/contracts/src/topic.rs", "*"),
    ("crates/service/migrations/000_platform.sql", "*"),
    ("Cargo.toml", "*"),
    ("Cargo.lock", "*"),
    (".cargo/config.toml", "*"),
    ("Dockerfile", "*"),
    (".dockerignore", "*"),
    ("scripts/build-images.sh", "*"),
    ("scripts/inspect-images.sh", "*"),
    ("scripts/_lib.sh", "*"),
    (".github/workflows/build.yml", "*"),
    (".github/workflows/docker-web.yaml", "web"),
    (".github/workflows/ci.yaml", ""),
    ("README.md", ""),
    ("docs/cicd.md", ""),
    ("k8s/base/hpa.yaml", ""),
    ("components/local/pubsub.yaml", ""),
    ("scripts/test.sh", ""),
    ("tests/it/main.rs", ""),
];

/// GitHub's rule, for the two forms that are used: a file, and a folder with all that is in it.
fn touches(patterns: &[String], file: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix("**") {
        Some(folder) => file.starts_with(folder),
        None => file == pattern,
    })
}

fn patterns(workflow: &Workflow) -> Result<Vec<String>> {
    let list = workflow.yaml["on"]["pull_request"]["paths"].as_array().with_context(|| format!("{}: no paths", workflow.file))?;
    let patterns: Vec<String> = list.iter().filter_map(|pattern| pattern.as_str().map(str::to_owned)).collect();
    for pattern in &patterns {
        let plain = pattern.strip_suffix("/**").unwrap_or(pattern);
        ensure!(!plain.contains(['*', '?', '!', '[', '+']), "{}: {pattern} is neither a file nor a folder/**", workflow.file);
        ensure!(root()?.join(plain).exists(), "{}: {pattern} matches nothing that is here", workflow.file);
    }
    Ok(patterns)
}

/// Tried: `apps/web/**` written as `apps/web/*`, `crates/**` left out of tasks, a pattern `apps/task/**`, `docs/**` for `docs/openapi/**`.
#[test]
fn contract_a_change_builds_the_images_that_it_touches_and_no_other() -> Result<()> {
    let images = images()?;
    for (file, wanted) in TABLE {
        ensure!(root()?.join(file).exists(), "the table names {file}, which is not here");
        let wanted: BTreeSet<String> = match *wanted {
            "*" => images.clone(),
            wanted => wanted.split_whitespace().map(str::to_owned).collect(),
        };
        let mut started = BTreeSet::new();
        for image in &images {
            let workflow = workflow(&format!("docker-{image}.yaml"))?;
            if touches(&patterns(&workflow)?, file) {
                started.insert(image.clone());
            }
        }
        ensure!(started == wanted, "{file} builds {started:?}, and should {wanted:?}");
    }
    Ok(())
}

/// What an app compiles in from elsewhere is one of its paths. Tried: `docs/openapi/**` left out of gateway.
#[test]
fn contract_what_an_app_includes_builds_its_image() -> Result<()> {
    let mut elsewhere = 0;
    for source in files(&root()?.join("apps"), ".rs")? {
        let inside = source.strip_prefix(root()?)?;
        let app = inside.components().nth(1).context("an app")?.as_os_str().to_string_lossy();
        let image = if app == "cli" { "outrigger" } else { &app };
        let patterns = patterns(&workflow(&format!("docker-{image}.yaml"))?)?;
        let text = std::fs::read_to_string(&source)?;
        for included in ["include_str!(\"", "include_bytes!(\""].iter().flat_map(|word| text.split(word).skip(1)) {
            let file = lexical(&inside.with_file_name(included.split('"').next().unwrap_or_default()));
            ensure!(touches(&patterns, &file.to_string_lossy()), "{} includes {}", inside.display(), file.display());
            elsewhere += usize::from(!file.starts_with("apps"));
        }
    }
    ensure!(elsewhere > 0, "no app includes anything from elsewhere: is this read right?");
    Ok(())
}

/// A path without its `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            clean.pop();
        } else {
            clean.push(part);
        }
    }
    clean
}

/// Tried: docker-audit.yaml renamed, one with `app: task`, one more file docker-files.yaml, `push: true` in one.
#[test]
fn contract_each_image_has_a_workflow_that_builds_it_and_pushes_nothing() -> Result<()> {
    let wanted: BTreeSet<String> = images()?.into_iter().map(|image| format!("docker-{image}.yaml")).collect();
    let all = workflows()?;
    let found: BTreeSet<String> = all.keys().filter(|file| file.starts_with("docker-")).cloned().collect();
    ensure!(found == wanted, "{found:?}");
    for image in images()? {
        let workflow = workflow(&format!("docker-{image}.yaml"))?;
        ensure!(workflow.starts() == BTreeSet::from(["pull_request"]), "{}: {:?}", workflow.file, workflow.starts());
        let job = workflow.job("image")?;
        ensure!(job["uses"] == "./.github/workflows/build.yml", "{}: {job}", workflow.file);
        ensure!(job["with"] == serde_json::json!({ "app": image }), "{}: {job}", workflow.file);
    }
    Ok(())
}
