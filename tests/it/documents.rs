//! The documents keep their word: links lead somewhere, what they name is there, and what they draw, show and count is what is.
//!
//! How each was tried: the thing was broken as the test's comment says, once, and the test failed with the words that belong to it.

mod drawn;
mod monitoring;
mod named;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cluster::{name, of_kind, rendered};
use crate::workspace::root;

/// Badges lead to pages that GitHub makes beside the files.
const ACTIONS: &str = "../../actions/workflows/";

/// A Markdown file.
struct Document {
    /// Below the root.
    path: String,
    text: String,
}

/// A piece of a document that is code: a span, or one line of a block, with lines that end in `\` joined.
struct Code {
    /// The heading above it.
    section: String,
    text: String,
}

/// Every Markdown file of the repository.
fn documents() -> Result<Vec<Document>> {
    let (root, mut found) = (root()?, Vec::new());
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            // What is built or fetched; and the chart's links lead to what is read anyway.
            if entry.file_type()?.is_dir() && !["target", "node_modules", ".git", ".run"].contains(&name.as_str()) {
                open.push(path);
            } else if name.ends_with(".md") && entry.file_type()?.is_file() {
                let text = std::fs::read_to_string(&path)?;
                found.push(Document { path: path.strip_prefix(&root)?.to_string_lossy().into_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    ensure!(found.len() > 25, "{} documents were read", found.len());
    Ok(found)
}

fn document(path: &str) -> Result<Document> {
    Ok(Document { path: path.to_owned(), text: std::fs::read_to_string(root()?.join(path))? })
}

impl Document {
    fn folder(&self) -> &Path {
        Path::new(&self.path).parent().unwrap_or(Path::new(""))
    }

    /// Lines with what they are: the language of the block that they stand in, `None` outside of blocks. Fences themselves are left out.
    fn lines(&self) -> Vec<(Option<String>, &str)> {
        let (mut block, mut lines) = (None, Vec::new());
        for line in self.text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                block = if block.is_some() { None } else { Some(language.trim().to_owned()) };
            } else if block.is_none() && line.starts_with("    ") {
                lines.push((Some(String::new()), line));
            } else {
                lines.push((block.clone(), line));
            }
        }
        lines
    }

    /// The blocks in one language.
    fn blocks(&self, language: &str) -> Vec<String> {
        let (mut blocks, mut inside) = (Vec::new(), false);
        for line in self.text.lines() {
            if let Some(opened) = line.strip_prefix("```") {
                inside = !inside && opened == language;
                if inside {
                    blocks.push(String::new());
                }
            } else if inside && let Some(block) = blocks.last_mut() {
                block.push_str(line);
                block.push('\n');
            }
        }
        blocks
    }

    fn code(&self) -> Vec<Code> {
        let (mut section, mut found): (String, Vec<Code>) = (String::new(), Vec::new());
        let mut goes_on = false;
        // A span may go over the end of its line, never over that of its paragraph.
        let mut paragraph = String::new();
        let spans = |paragraph: &mut String, section: &str, found: &mut Vec<Code>| {
            for span in paragraph.split('`').skip(1).step_by(2) {
                found.push(Code { section: section.to_owned(), text: span.trim().to_owned() });
            }
            paragraph.clear();
        };
        for (block, line) in self.lines() {
            match block.as_deref() {
                None => {
                    if line.trim().is_empty() || line.starts_with(['#', '|', '-']) {
                        spans(&mut paragraph, &section, &mut found);
                    }
                    if line.starts_with('#') {
                        line.clone_into(&mut section);
                    }
                    paragraph.push_str(line);
                    paragraph.push(' ');
                }
                Some("mermaid") => {}
                Some(_) => {
                    spans(&mut paragraph, &section, &mut found);
                    let part = line.trim().trim_end_matches('\\').trim_end();
                    match found.last_mut().filter(|_| goes_on) {
                        Some(last) => last.text = format!("{} {part}", last.text),
                        None => found.push(Code { section: section.clone(), text: part.to_owned() }),
                    }
                    goes_on = line.ends_with('\\');
                }
            }
        }
        spans(&mut paragraph, &section, &mut found);
        found
    }

    /// Where each heading is found, as GitHub makes it of its words.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        for (block, line) in self.lines() {
            let words = line.trim_start_matches('#').trim();
            if block.is_some() || !line.starts_with('#') {
                continue;
            }
            let kept = words.to_lowercase();
            let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
            let times = seen.entry(anchor.clone()).or_default();
            anchors.insert(if *times == 0 { anchor } else { format!("{anchor}-{times}") });
            *times += 1;
        }
        anchors
    }

    /// What it links to, images too.
    fn links(&self) -> Vec<String> {
        let prose =
            self.lines().into_iter().filter(|(block, _)| block.is_none()).map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let prose: String = prose.split('`').step_by(2).collect();
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to);
        let listed = prose.lines().filter(|line| line.starts_with('[')).filter_map(|line| Some(line.split_once("]: ")?.1));
        inline.chain(listed).map(|to| to.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Tried: a file that is not there, `TROUBLESHOOTING.md#alertz`, an anchor that the document itself has not, a badge of no workflow.
#[test]
fn contract_every_link_of_every_document_leads_somewhere() -> Result<()> {
    let (root, mut followed) = (root()?, 0);
    for document in documents()? {
        for link in document.links() {
            let at = || format!("{} links to {link}", document.path);
            if link.starts_with("https://") || link.starts_with("http://") || link.starts_with("mailto:") {
                continue;
            }
            if let Some(workflow) = link.strip_prefix(ACTIONS).and_then(|rest| rest.split('/').next()) {
                ensure!(root.join(".github/workflows").join(workflow).is_file(), "{}, which is no workflow", at());
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let path = if path.is_empty() { PathBuf::from(&document.path) } else { plain(&document.folder().join(path)) };
            ensure!(root.join(&path).exists(), "{}, which does not exist", at());
            if let Some(anchor) = anchor {
                let target = self::document(&path.to_string_lossy()).with_context(at)?;
                ensure!(target.anchors().contains(anchor), "{}: it has {:?}", at(), target.anchors());
            }
            followed += 1;
        }
    }
    ensure!(followed > 40, "{followed} links were followed");
    Ok(())
}

/// Whoever begins at the README finds every document. Tried: the link to CHANGELOG.md taken out.
#[test]
fn contract_every_document_is_found_from_the_readme() -> Result<()> {
    let documents: BTreeMap<String, Document> = documents()?.into_iter().map(|each| (each.path.clone(), each)).collect();
    let (mut seen, mut open) = (BTreeSet::new(), vec!["README.md".to_owned()]);
    while let Some(path) = open.pop() {
        let Some(document) = documents.get(&path).filter(|_| seen.insert(path.clone())) else { continue };
        let linked = document.links().into_iter().map(|link| document.folder().join(link.split('#').next().unwrap_or_default()));
        // A document may be named in words, too: `docs/quick-add.md`.
        let words = document.text.split(|letter: char| letter.is_whitespace() || "`()[],;".contains(letter));
        let named = words.filter(|word| word.ends_with(".md")).map(PathBuf::from);
        for next in linked.chain(named) {
            let next = plain(&next).to_string_lossy().into_owned();
            // A folder shows its README, or is a list of documents.
            let below = documents.keys().filter(|each| *each == &next || Path::new(each).parent() == Some(Path::new(&next)));
            open.extend(below.cloned());
        }
    }
    // The README of a folder is shown to whoever goes down to it from one that is found.
    let below = |path: &str| {
        let above = Path::new(path).ancestors().skip(2).map(|folder| folder.join("README.md"));
        path.ends_with("/README.md")
            && above.into_iter().any(|each| each != Path::new("README.md") && seen.contains(&*each.to_string_lossy()))
    };
    let missed: Vec<&String> = documents.keys().filter(|path| !seen.contains(*path) && !below(path)).collect();
    ensure!(missed.is_empty(), "nobody finds {missed:?}");
    Ok(())
}

/// How many connections the sidecars open to PostgreSQL when there are so many of each app, and while each is updated one more.
fn connections(objects: &[Value], most: &dyn Fn(&str) -> Option<f64>) -> Result<f64> {
    let mut sum = 0.0;
    for component in of_kind(objects, "Component") {
        let metadata = component["spec"]["metadata"].as_array().into_iter().flatten();
        let Some(each) = metadata.clone().find(|item| item["name"] == "maxConns") else { continue };
        let each: f64 = each["value"].as_str().context("a number")?.parse()?;
        let scopes = component["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        sum += scopes.filter_map(most).map(|most| (most + 1.0) * each).sum::<f64>();
    }
    Ok(sum)
}

/// Tried: 282 made 281 and 332 made 300 in each document, `maxConns` of statestore made 5, `max` of identity made 4, 596 made 1362, which it
/// would be without production's own `maxConns`.
#[test]
fn contract_the_connections_that_documents_count_are_those_of_the_manifests() -> Result<()> {
    let of_overlay = |overlay: &str| -> Result<f64> {
        let objects = rendered(overlay)?;
        let deployments = of_kind(&objects, "Deployment");
        let scaled = of_kind(&objects, "HorizontalPodAutoscaler");
        connections(&objects, &|app| {
            let own = scaled.iter().find(|each| name(each) == app).and_then(|each| each["spec"]["maxReplicas"].as_f64());
            let deployment = deployments.iter().find(|each| name(each) == app)?;
            own.or(deployment["spec"]["replicas"].as_f64()).or(Some(1.0))
        })
    };
    let (objects, base, production) = (rendered("k8s/local")?, of_overlay("k8s/local")?, of_overlay("k8s/production")?);
    ensure!(base == of_overlay("k8s/staging")?, "staging opens others than a laptop");
    let read = |file: &str| -> Result<Value> {
        Ok(serde_yaml_ng::from_str(&std::fs::read_to_string(root()?.join("k8s/helm-charts/outrigger").join(file))?)?)
    };
    let (values, cloud) = (read("values.yaml")?, read("values-cloud.yaml")?);
    let chart = connections(&objects, &|app| {
        let own = &cloud["apps"][app]["autoscale"]["max"];
        let app = values["apps"].get(app)?;
        own.as_f64().or(app["autoscale"]["max"].as_f64()).or(app["replicas"].as_f64()).or(Some(1.0))
    })?;
    for (file, wanted) in [
        ("docs/TROUBLESHOOTING.md", vec![base]),
        ("docs/DEPLOYMENT.md", vec![base, chart, production]),
        ("docs/cloud-deployment.md", vec![chart]),
    ] {
        let words = document(file)?.text;
        let words: Vec<&str> = words.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let counts = words.windows(2).filter(|pair| pair[1] == "connections" || pair[1] == "added");
        let said: Vec<f64> = counts.filter_map(|pair| pair[0].parse().ok()).collect();
        ensure!(said == wanted, "{file} counts {said:?} connections, and there are {wanted:?}");
    }
    Ok(())
}
