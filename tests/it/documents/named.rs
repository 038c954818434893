//! What documents name: scripts with their options, paths, folders for `kubectl apply -k`, variables, commands of `outrigger`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tests::Suite;
use tests::recorder::well;

use super::{Document, documents, plain};
use crate::workspace::{files, root};

/// Options of programs that are not ours, which a document names alone, without the program before it.
const OTHERS: [(&str, &str); 5] = [
    ("--force", "kubectl delete"),
    ("--set", "helm"),
    ("--take-ownership", "helm"),
    ("--healthz-listen-address", "the scheduler of Dapr"),
    ("--scheduler-host-address", "daprd"),
];

/// What a program writes where it runs, and nobody keeps.
const WRITTEN: [&str; 1] = ["suite.json"];

/// The options in a help, each once.
fn options(help: &str) -> BTreeSet<String> {
    let words = help.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

/// Each script that a person runs, by its file name, with its options.
fn scripts() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut scripts = BTreeMap::new();
    for path in files(&root()?.join("scripts"), ".sh")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('_') {
            continue;
        }
        scripts.insert(name, options(&well(Command::new(&path).arg("--help"))?));
    }
    ensure!(scripts.len() > 20 && scripts.values().any(|options| options.contains("--rotate-secrets")), "{scripts:?}");
    Ok(scripts)
}

/// The name of the script that a word calls.
fn script(word: &str) -> Option<&str> {
    let (folder, name) = word.rsplit_once('/')?;
    (folder.ends_with("scripts") && name.ends_with(".sh")).then_some(name)
}

/// The words of each command in a piece of code.
fn commands(code: &str) -> impl Iterator<Item = Vec<&str>> {
    let ends = |word: &&str| ["&&", "||", "|", ";", "then", "do"].contains(word);
    let words: Vec<&str> = code.split_whitespace().collect();
    let commands: Vec<Vec<&str>> = words.split(ends).map(<[&str]>::to_vec).collect();
    commands.into_iter().filter(|words| !words.is_empty())
}

/// `--tag`, of `[--tag`, `--tag=x` and `--tag,`.
fn option(word: &str) -> Option<String> {
    let word = word.trim_matches(|letter: char| "[](),.;:'\"".contains(letter));
    let name = word.split('=').next().unwrap_or_default();
    (name.starts_with("--") && name.len() > 2).then(|| name.to_owned())
}

/// Tried: `--rotate-secret` beside its script, `--broker kafka` alone, `--registri` in a command of two lines, `scripts/deploy-azure.sh`, an option taken
/// out of the help of run-local.sh and of deploy-local.sh, a script of which `--help` fails.
#[test]
fn contract_every_script_that_a_document_names_has_the_options_it_names() -> Result<()> {
    let (scripts, outrigger) = (scripts()?, Tree::of_outrigger()?);
    let mut asked = 0;
    for document in documents()? {
        let code = document.code();
        // Named anywhere, also in words.
        let words = document.text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "/_.-".contains(letter)));
        for name in words.filter_map(script) {
            ensure!(name.starts_with('_') || scripts.contains_key(name), "{} names the script {name}", document.path);
        }
        let in_section = |section: Option<&str>| -> BTreeSet<&str> {
            let within = code.iter().filter(|each| section.is_none_or(|section| section == each.section));
            within.flat_map(|each| each.text.split_whitespace()).filter_map(script).collect()
        };
        for each in &code {
            for words in commands(&each.text) {
                let Some(called) = words.iter().position(|word| script(word).is_some()) else {
                    // An option alone belongs to a script of its section, where that names none to one of the document, or to `outrigger`.
                    let Some(alone) = option(words[0]) else { continue };
                    let mut near = in_section(Some(&each.section));
                    if near.is_empty() {
                        near = in_section(None);
                    }
                    // A table of what was asked for, which names the tests and not the scripts.
                    if document.path == "docs/requirements.md" {
                        near = scripts.keys().map(String::as_str).collect();
                    }
                    let known = near.iter().filter_map(|name| scripts.get(*name)).any(|options| options.contains(&alone))
                        || outrigger.options().contains(&alone)
                        || OTHERS.iter().any(|(option, _)| *option == alone);
                    ensure!(known, "{}: {} is no option of {near:?}", document.path, each.text);
                    asked += 1;
                    continue;
                };
                let name = script(words[called]).unwrap_or_default();
                let Some(known) = scripts.get(name) else { continue };
                for option in words[called..].iter().filter_map(|word| option(word)) {
                    ensure!(known.contains(&option), "{}: {name} has no {option}: {}", document.path, each.text);
                    asked += 1;
                }
            }
        }
    }
    ensure!(asked > 40, "{asked} options were looked up");
    Ok(())
}

/// Whether a path with `*` in place of names is that of something.
fn exists(folder: &Path, parts: &[String]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return true };
    if !first.contains('*') {
        return folder.join(first).exists() && exists(&folder.join(first), rest);
    }
    let (begins, ends) = first.split_once('*').unwrap_or_default();
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).any(|name| {
        name.starts_with(begins)
            && name.ends_with(ends.rsplit('*').next().unwrap_or_default())
            && exists(&folder.join(name), rest)
    })
}

/// `apps/<app>/src` as `apps`, `*`, `src`; what the shell puts in, as `$app`, is `*`, too.
fn parts(path: &str) -> Vec<String> {
    let (mut open, mut shell) = (false, false);
    let letters = path.chars().filter_map(|letter| match letter {
        '<' => {
            open = true;
            Some('*')
        }
        '>' => {
            open = false;
            None
        }
        '$' => {
            shell = true;
            Some('*')
        }
        letter if shell && letter.is_ascii_alphanumeric() => None,
        letter => {
            shell = false;
            (!open).then_some(letter)
        }
    });
    letters.collect::<String>().split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

impl Document {
    /// Every word of it that is a path of the repository: the first part is a folder there, or beside the document.
    fn paths(&self, root: &Path) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        for (block, line) in self.lines() {
            if block.as_deref() == Some("mermaid") {
                continue;
            }
            // What is behind `](` is a link, which is relative.
            let line: String = line
                .split("](")
                .enumerate()
                .map(|(at, part)| if at == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) })
                .collect();
            for word in line.split(|letter: char| letter.is_whitespace() || "`()[],;:'\"|=".contains(letter)) {
                let word = word.trim_start_matches("./").trim_end_matches(['.', '/']);
                let Some((first, _)) = word.split_once('/').filter(|(first, _)| !first.is_empty()) else { continue };
                if first.starts_with(['.', '<', '*']) && first != ".github" || first == "target" || first == "outrigger" {
                    continue;
                }
                let beside = root.join(self.folder());
                if root.join(first).is_dir() {
                    found.push((root.to_owned(), word.to_owned()));
                } else if beside.join(first).is_dir() {
                    found.push((beside, word.to_owned()));
                }
            }
        }
        found
    }
}

/// Tried: `apps/tasks/src/http/make.rs`, `apps/<app>/source/events.rs`, `k8s/base/network.yaml`, `src/plans.rs` in the README of reminders, `build.yaml`.
#[test]
fn contract_every_path_that_a_document_names_exists() -> Result<()> {
    let (root, mut looked) = (root()?, 0);
    let mut names = BTreeSet::new();
    for folder in ["apps", "components", "crates", "docs", "k8s", "monitoring", "scripts", "tests", ".github"] {
        let all = files(&root.join(folder), "")?;
        names.extend(all.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
    }
    for entry in std::fs::read_dir(&root)? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    for document in documents()? {
        for (folder, path) in document.paths(&root) {
            let found = exists(&folder, &parts(&path));
            ensure!(found, "{} names {path}, which is not below {}", document.path, folder.display());
            looked += 1;
        }
        // A file by its name alone.
        for each in document.code() {
            let word = each.text.trim_start_matches("./");
            let ending = word.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
            let alone = !word.contains(|letter: char| letter.is_whitespace() || "/<*{:".contains(letter));
            if alone && ["md", "rs", "sh", "sql", "toml", "yaml", "yml", "json", "js"].contains(&ending) && !word.starts_with('.')
            {
                ensure!(names.contains(word) || WRITTEN.contains(&word), "{} names the file {word}", document.path);
                looked += 1;
            }
        }
    }
    ensure!(looked > 150, "{looked} paths were looked up");
    Ok(())
}

/// Tried: `kubectl apply -k k8s` and `kubectl apply -k k8s/base/secretstore.yaml`.
#[test]
fn contract_every_folder_that_a_document_applies_has_a_kustomization() -> Result<()> {
    let mut looked = 0;
    for document in documents()? {
        for each in document.code() {
            for words in commands(&each.text).filter(|words| words[0] == "kubectl") {
                let Some(folder) = words.iter().position(|word| *word == "-k").and_then(|at| words.get(at + 1)) else { continue };
                let file = root()?.join(plain(Path::new(folder))).join("kustomization.yaml");
                ensure!(file.is_file(), "{} applies {folder}, which has no kustomization.yaml", document.path);
                looked += 1;
            }
        }
    }
    ensure!(looked >= 2, "{looked} folders were looked up");
    Ok(())
}

/// Every word in capitals of what the programs, scripts and manifests do, without what is only said in comments.
fn capitals() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let root = root()?;
    for folder in [
        "apps",
        "components",
        "crates",
        "k8s",
        "monitoring",
        "scripts",
        "tests/src",
        "tests/it/cluster",
        "tests/benches",
        ".github",
    ] {
        for path in files(&root.join(folder), "")?.into_iter().chain([root.join("docker-compose.yml")]) {
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            let known = ["rs", "sh", "sql", "yaml", "yml", "tpl", "toml"].contains(&ending.as_str());
            if !known {
                continue;
            }
            for line in std::fs::read_to_string(&path)?.lines().map(str::trim) {
                if line.starts_with("//") || line.starts_with('#') || line.starts_with("--") {
                    continue;
                }
                let words = line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
                found.extend(words.filter(|word| is_capital(word)).map(str::to_owned));
            }
        }
    }
    Ok(found)
}

fn is_capital(word: &str) -> bool {
    word.len() > 2
        && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && word.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// A variable: a word in capitals that is a whole span of code, that has `_` in it, or that is given a value. Tried: `OUTRIGGER_CLUSTERS`,
/// `OUTRIGGER_KLUSTER=current`, `KEY_SECONDS`, `DATABASE_PASSWORDS_<ROLE>`.
#[test]
fn contract_every_variable_that_a_document_names_is_read() -> Result<()> {
    let (known, mut looked) = (capitals()?, 0);
    for document in documents()? {
        for each in document.code() {
            for word in each.text.split(|letter: char| letter.is_whitespace() || "\"'$(){}[],;/:.|<>@".contains(letter)) {
                let name = word.split(['=', '+']).next().unwrap_or_default();
                let is_variable = is_capital(name) && (name.contains('_') || name != word || each.text == name);
                if is_variable {
                    ensure!(
                        known.contains(name),
                        "{} names the variable {name}, which nothing reads: {}",
                        document.path,
                        each.text
                    );
                    looked += 1;
                }
            }
        }
    }
    ensure!(looked > 40, "{looked} variables were looked up");
    Ok(())
}

/// A command with its subcommands, as their `--help` shows them.
struct Tree {
    options: BTreeSet<String>,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    fn of_outrigger() -> Result<Self> {
        let program = Suite::options("documents")?.bin_dir.join("outrigger");
        ensure!(program.is_file(), "is outrigger built? `cargo build` does it");
        Self::of(&program, &[])
    }

    fn of(program: &Path, words: &[&str]) -> Result<Self> {
        let help = well(Command::new(program).args(words).arg("--help"))?;
        let listed = help.split_once("Commands:\n").map(|(_, rest)| rest).unwrap_or_default();
        let mut below = BTreeMap::new();
        for line in listed.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().context("a name")?;
            // It shows all the others once more.
            let tree = if name == "help" {
                Self { options: BTreeSet::new(), below: BTreeMap::new() }
            } else {
                Self::of(program, &[words, &[name]].concat())?
            };
            below.insert(name.to_owned(), tree);
        }
        Ok(Self { options: options(&help), below })
    }

    /// Its own and those of all below.
    fn options(&self) -> BTreeSet<String> {
        self.below.values().flat_map(Self::options).chain(self.options.iter().cloned()).collect()
    }
}

/// Tried: `outrigger stat`, `outrigger dlq replays`, `outrigger migrate up\|away`, `outrigger dev --component cloud`.
#[test]
fn contract_every_outrigger_command_that_a_document_names_exists() -> Result<()> {
    let (tree, mut looked) = (Tree::of_outrigger()?, 0);
    for document in documents()? {
        for each in document.code() {
            for words in commands(&each.text.replace("\\|", "/")) {
                if words[0] != "outrigger" && !words[0].ends_with("/outrigger") {
                    continue;
                }
                let (mut at, mut last) = (&tree, false);
                for word in &words[1..] {
                    if let Some(option) = option(word) {
                        ensure!(at.options.contains(&option), "{}: no {option} in {}", document.path, each.text);
                    } else if !last && !at.below.is_empty() {
                        // One, or several of which each is meant.
                        for name in word.split(['/', '|']) {
                            ensure!(at.below.contains_key(name), "{}: no {name} in {}", document.path, each.text);
                        }
                        match at.below.get(*word) {
                            Some(next) => at = next,
                            None => last = true,
                        }
                    }
                }
                looked += 1;
            }
        }
    }
    ensure!(looked > 20, "{looked} commands were looked up");
    Ok(())
}
