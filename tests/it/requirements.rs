//! `docs/requirements.md` cannot lie: each row names tests that exist, or the measurement of a bench.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::workspace::{files, root};

/// A row: id, state, tests.
type Row = (String, String, Vec<String>);

fn rows() -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(root()?.join("docs/requirements.md"))?;
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows =
        text.lines().filter(|line| line.starts_with("| ")).map(cells).filter(|cells| cells.len() >= 3 && cells[0].contains('-'));
    let tests = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Ok(rows
        .filter(|cells| !cells[0].starts_with('-'))
        .map(|cells| (cells[0].clone(), cells[1].clone(), tests(&cells[2])))
        .collect())
}

/// How a measurement is made.
const BENCH: &str = "cargo bench -p tests -- ";

/// Names of every test function in the repository, and how every measurement is made.
fn test_names() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in files(&root()?.join("tests/benches"), ".rs")? {
        let measurement = source.file_stem().unwrap_or_default().to_string_lossy();
        names.insert(format!("{BENCH}{measurement}"));
    }
    for folder in ["apps", "crates", "tests"] {
        for source in files(&root()?.join(folder), ".rs")? {
            names.extend(names_in(&source)?);
        }
    }
    Ok(names)
}

fn names_in(source: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(source)?;
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            names.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
            is_test = false;
        }
    }
    Ok(names)
}

#[test]
fn contract_every_requirement_that_is_done_names_a_test_that_exists() -> Result<()> {
    let (rows, names) = (rows()?, test_names()?);
    ensure!(!rows.is_empty() && names.len() > 50, "{} rows, {} tests were read", rows.len(), names.len());
    let mut seen = BTreeSet::new();
    for (id, state, tests) in &rows {
        ensure!(seen.insert(id.clone()), "{id} stands twice");
        ensure!(["done", "partly"].contains(&state.as_str()), "{id}: {state}");
        ensure!(!tests.is_empty(), "{id} names no test");
        for test in tests {
            ensure!(names.contains(test), "{id} names {test}, which does not exist");
        }
    }
    Ok(())
}
