//! docs/monitoring.md names each part, dashboard and option there is, and none that is not.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::document;
use crate::workspace::{files, root};

/// The words of its tables' first column, of one kind.
fn first_column(section: &str) -> Result<BTreeSet<String>> {
    let text = document("docs/monitoring.md")?.text;
    let (_, rest) = text.split_once(&format!("## {section}\n")).unwrap_or_default();
    let part = rest.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    Ok(rows.filter_map(|line| Some(line.split('`').nth(1)?.to_owned())).collect())
}

/// Seen red: a dashboard's row taken out of the document, a part whose folder has another name.
#[test]
fn contract_the_document_names_every_dashboard_and_part_of_monitoring() -> Result<()> {
    let root = root()?;
    let kept = files(&root.join("monitoring/grafana/dashboards"), ".json")?;
    let names = kept.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect::<BTreeSet<_>>();
    let said = first_column("Dashboards")?;
    ensure!(said == names && names.len() >= 4, "docs/monitoring.md names {said:?}, there are {names:?}");
    let mut parts = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("monitoring"))? {
        parts.insert(format!("monitoring/{}", entry?.file_name().to_string_lossy()));
    }
    let said = first_column("In a cluster")?;
    ensure!(said == parts, "docs/monitoring.md names {said:?}, there are {parts:?}");
    Ok(())
}
