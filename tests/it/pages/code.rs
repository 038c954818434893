//! The pages' scripts and style as tools read them: without faults, and of one form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace::{files, root};

/// Where `scripts/test.sh` installs what `tests/package.json` lists.
const TOOLS: &str = "target/npm";
/// Where the scripts and the style are.
const STATIC: &str = "apps/web/static";
/// A script with a fault for each of these rules.
const FAULTY_SCRIPT: &str = "const unused = 1;\nif (documnt.title == 'x') {\n    say(\"aloud\")\n}\n";
const FAULTS_OF_SCRIPT: [&str; 6] =
    ["eqeqeq", "no-undef", "no-unused-vars", "@stylistic/indent", "@stylistic/quotes", "@stylistic/semi"];
/// A style with a fault for each of these rules.
const FAULTY_STYLE: &str = "a { colour: var(--nowhere); top: 0.50em }\na{ top: 1furlong; }\nA:hoover { top: 0; top: 1px; }\n";
const FAULTS_OF_STYLE: [&str; 11] = [
    "declaration-block-no-duplicate-properties",
    "declaration-property-value-no-unknown",
    "no-duplicate-selectors",
    "no-unknown-custom-properties",
    "property-no-unknown",
    "selector-pseudo-class-no-unknown",
    "unit-no-unknown",
    "@stylistic/block-opening-brace-space-before",
    "@stylistic/declaration-block-trailing-semicolon",
    "@stylistic/number-leading-zero",
    "@stylistic/number-no-trailing-zeros",
];

/// What a tool finds in these files: the rules that each breaks, with their words.
fn found(tool: &str, paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, BTreeMap<String, String>>> {
    let root = root()?;
    let program = root.join(TOOLS).join("node_modules/.bin").join(tool);
    ensure!(
        program.exists(),
        "{} is missing: scripts/test.sh installs it (cp tests/package*.json {TOOLS}/ && npm ci --prefix {TOOLS})",
        program.display()
    );
    // It finds its rules from where it stands.
    let config = root.join(TOOLS).join(format!("{tool}.config.mjs"));
    std::fs::copy(root.join("tests").join(format!("{tool}.config.mjs")), &config)?;
    let output = Command::new(program).arg("--config").arg(config).args(["-f", "json"]).args(paths).current_dir(root).output()?;
    // One writes what it finds to standard output, the other to standard error.
    let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let list: Vec<Value> = serde_json::from_slice(said).with_context(|| String::from_utf8_lossy(said).into_owned())?;
    let mut found = BTreeMap::new();
    for file in list {
        let path = file["filePath"].as_str().or(file["source"].as_str()).context("a path")?;
        let messages = file["messages"].as_array().or(file["warnings"].as_array()).into_iter().flatten();
        let rule = |message: &Value| {
            let rule = message["ruleId"].as_str().or(message["rule"].as_str()).unwrap_or("unreadable");
            (
                rule.to_owned(),
                format!("{}: {}", message["line"], message["message"].as_str().or(message["text"].as_str()).unwrap_or_default()),
            )
        };
        found.insert(PathBuf::from(path), messages.map(rule).collect());
    }
    Ok(found)
}

/// Holds the pages' files to a tool's rules, and the tool to finding what is wrong in a file that is full of faults.
fn held(tool: &str, ending: &str, faulty: &Path, faults: &[&str]) -> Result<()> {
    let mut paths = files(&root()?.join(STATIC), ending)?;
    ensure!(!paths.is_empty(), "no {ending} in {STATIC}");
    paths.push(faulty.to_owned());
    let mut found = found(tool, &paths)?;
    let seen: BTreeSet<String> = found.remove(faulty).context("the faulty file was read")?.into_keys().collect();
    let wanted = faults.iter().map(|&rule| rule.to_owned()).collect();
    ensure!(seen == wanted, "{tool} finds {seen:?} of {wanted:?}");
    ensure!(found.len() + 1 == paths.len(), "{tool} read {:?} of {paths:?}", found.keys());
    let wrong: Vec<_> = found.into_iter().filter(|(_, rules)| !rules.is_empty()).collect();
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// Seen red: `let` for a `const` in keys.js, an unknown property in app.css, a rule less in each configuration. Takes four seconds.
#[test]
fn page_scripts_and_style_have_no_fault_and_one_form() -> Result<()> {
    // Below the root, without which eslint reads nothing.
    let folder = root()?.join("target").join(format!("page-code-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (script, style) = (folder.join("faulty.js"), folder.join("faulty.css"));
    std::fs::write(&script, FAULTY_SCRIPT)?;
    std::fs::write(&style, FAULTY_STYLE)?;
    let scripts = held("eslint", ".js", &script, &FAULTS_OF_SCRIPT);
    let styles = held("stylelint", ".css", &style, &FAULTS_OF_STYLE);
    std::fs::remove_dir_all(&folder)?;
    scripts.and(styles)
}
