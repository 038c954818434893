//! Every script on a machine that is new: Debian's smallest, with git and what the documents ask for, and nothing of this machine but its
//! toolchains and what they have downloaded.
//!
//! A clone of what is committed is run there. Only root can make such a machine (`clean-root.sh`); where the stories are not root's, these are over
//! at once, and `scripts/test.sh` says so.

mod machine;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::json;
use tests::cluster::Cluster;
use tests::eventually;
use tests::suite::is_long;

use self::machine::{LAUNCH, Launcher, Machine, documented, toolchain};
use crate::workspace::root;

/// A script with what it needs before it can miss anything, and what it says on a machine with git alone.
const BARE: [(&str, &str); 35] = [
    ("build-images", "docker is missing: https://docs.docker.com"),
    ("check-dashboards", "neither grafana-schema nor Go is here: install Go 1.26 from https://go.dev"),
    ("check-dependencies", NO_RUST),
    ("check-environment REGISTRY", "missing: REGISTRY; docs/cicd.md"),
    ("check-images --stage staging --registry r.example --tag one", "docker is missing: https://docs.docker.com"),
    ("check-kafka", "java is missing: install a Java 17"),
    ("create-cloud-secrets", "nothing was changed"),
    ("create-local-secrets", NO_KUBECTL),
    ("database", NO_KUBECTL),
    ("deploy-aks --resource-group g --cluster c RELEASE", NO_KUBECTL),
    ("deploy-cloud RELEASE", NO_KUBECTL),
    ("deploy-gke --project p --location l --cluster c RELEASE", NO_KUBECTL),
    ("deploy-local", "curl is missing: install the package curl"),
    ("deploy-minikube", "curl is missing: install the package curl"),
    ("deploy-oke --cluster-id i --region r RELEASE", NO_KUBECTL),
    ("deploy-redis", NO_KUBECTL),
    ("inspect-images --tag one", "docker is missing: https://docs.docker.com"),
    ("install-cert-manager", NO_KUBECTL),
    ("install-k3s", "curl is missing: install the package curl"),
    ("install-traefik", NO_KUBECTL),
    ("join-images --registry r.example --tag one", "docker is missing: https://docs.docker.com"),
    ("lint-workflows", "shellcheck is missing: install the package shellcheck"),
    ("mark-images --stage staging --registry r.example --tag one", "docker is missing: https://docs.docker.com"),
    ("mutate outbox", NO_RUST),
    ("push-images --registry r.example --tag one", "docker is missing: https://docs.docker.com"),
    ("rollback", NO_KUBECTL),
    ("run-local", NO_RUST),
    ("scan-secrets", "neither gitleaks nor Go is here: install Go 1.26 from https://go.dev"),
    ("screenshots", NO_RUST),
    ("setup-dapr", NO_KUBECTL),
    ("setup-kafka", NO_KUBECTL),
    ("setup-minikube", "minikube is missing: https://minikube.sigs.k8s.io"),
    ("setup-monitoring", NO_KUBECTL),
    ("test", NO_RUST),
    ("validate-deployment", NO_KUBECTL),
];
const NO_RUST: &str = "Rust is missing: install it from https://rustup.rs";
const NO_KUBECTL: &str = "kubectl is missing: https://kubernetes.io/docs";
const NO_DAPR: &str = "neither daprd nor Go is here: run 'dapr init --slim' (https://docs.dapr.io), or install Go 1.26";
const RELEASE: &str = "--host tasks.example.org --mail admin@example.org --registry registry.example/team --tag one";

/// With Rust alone: what else only a person can install. One has what it needs, but for a package that cannot be had offline.
const WITH_RUST: [(&str, &str); 4] = [
    ("run-local", NO_DAPR),
    ("screenshots", NO_DAPR),
    ("mutate outbox", NO_DAPR),
    ("check-dependencies", "apt-get could not install build-essential"),
];

/// With all that is documented: each package that is asked for, offline.
const WITH_ALL: [(&str, &str); 4] = [
    ("run-local", "apt-get could not install redis-server postgresql build-essential openjdk-17-jre-headless maven"),
    ("run-local --no-zipkin --monitoring", "apt-get could not install prometheus redis-server postgresql build-essential"),
    ("mutate outbox", "apt-get could not install redis-server postgresql build-essential openjdk-17-jre-headless maven"),
    (
        "screenshots",
        "apt-get could not install chromium chromium-driver redis-server postgresql build-essential openjdk-17-jre-headless maven",
    ),
];

/// The shell's way to call a script.
fn call(line: &str) -> String {
    let (script, arguments) = line.split_once(' ').unwrap_or((line, ""));
    format!("scripts/{script}.sh {}", arguments.replace("RELEASE", RELEASE)).trim_end().to_owned()
}

/// Offline, so that nothing can be fetched by the way.
///
/// Tried: `need redis-server` and `need_cc` taken out of `prepare`, `need_cc` out of `check-dependencies.sh`, Rust looked for after the packages,
/// `prepare` taken out of `mutate.sh`, `screenshots.sh` without its `--help`, a `rollback.sh` that leaves a file in /tmp.
#[test]
fn contract_on_a_new_machine_every_script_helps_or_names_what_is_missing_and_changes_nothing() -> Result<()> {
    let Some(machine) = Machine::find()? else { return Ok(()) };
    let mut scripts = BTreeSet::new();
    for entry in std::fs::read_dir(root()?.join("scripts"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        scripts.extend(name.strip_suffix(".sh").filter(|name| !name.starts_with('_')).map(str::to_owned));
    }
    let tried = BARE.iter().filter_map(|(line, _)| line.split(' ').next()).map(str::to_owned).collect();
    ensure!(scripts == tried, "not every script is tried, or one that is gone: {:?}", scripts.symmetric_difference(&tried));

    let offline = ["--offline".to_owned()];
    let mut lines: Vec<String> = scripts.iter().map(|script| call(&format!("{script} --help"))).collect();
    lines.extend(BARE.iter().map(|(line, _)| call(line)));
    lines.push("git status --porcelain --ignored".to_owned());
    let said = machine.run(&offline, &lines)?;
    let (help, said) = said.split_at(scripts.len());
    for (help, script) in help.iter().zip(&scripts) {
        // One is another's second name.
        let named = if script == "deploy-minikube" { "deploy-local" } else { script };
        ensure!(help.status == 0 && help.err.is_empty() && help.out.contains(&format!("scripts/{named}.sh")), "{help}");
    }
    for (said, (_, words)) in said.iter().zip(BARE) {
        said.refuses(words)?;
    }
    let status = said.last().context("the clone's state")?;
    ensure!(status.status == 0 && status.out.is_empty(), "the clone is another: {status}");
    ensure!(machine.changed()?.is_empty(), "left, or changed: {:?}", machine.changed()?);

    for (options, expected) in [(vec!["--rust"], &WITH_RUST), (vec!["--rust", "--go"], &WITH_ALL)] {
        let machine = Machine::find()?.context("a machine")?;
        let tools = options.into_iter().map(toolchain).collect::<Result<Vec<_>>>()?.concat();
        let lines: Vec<String> = expected.iter().map(|(line, _)| call(line)).collect();
        for (said, (_, words)) in machine.run(&[&offline[..], &tools].concat(), &lines)?.iter().zip(expected) {
            // apt-get has told its own reasons before.
            let last = said.err.lines().last().unwrap_or_default();
            let refused = last == format!("error: {words}") || words == &NO_DAPR && last.contains(words);
            ensure!(said.status == 1 && refused, "{said}");
        }
    }
    Ok(())
}

/// The longest that packages, the sidecar and a build of everything may take where others work.
const BUILT: Duration = Duration::from_secs(3600);
/// By then Kafka has come from Maven, or everything has ended.
const SOON: Duration = Duration::from_secs(300);

/// The README's one command on a new machine with the documented tools alone: it installs, builds, brings up the suite on Redis and on Kafka, a
/// person signs up, writes a task and is reminded of it by mail, and Ctrl-C leaves nothing. Downloads of Cargo, Go and Maven that this machine has
/// are not fetched again, and what Go has compiled is not compiled again.
///
/// Tried, with programs that were built outside: packages whose servers start, which the end then finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_the_one_command_of_the_readme_is_enough_on_a_new_machine() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let Some(machine) = Machine::find()? else { return Ok(()) };
    let options = documented()?;
    let mut launcher = Launcher::start(machine.enter(&options, LAUNCH)?)?;
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    for (set, patience) in [("local", BUILT), ("kafka", SOON)] {
        launcher.tell(&format!("scripts/run-local.sh --components {set} --port {port}")).await?;
        let said = launcher.until("Ctrl-C stops everything.", patience).await?;
        let installs = said.iter().any(|line| line.starts_with("Installing: "));
        ensure!(installs == (set == "local"), "what is there is not installed again: {said:#?}");
        asked(port, &said).await.with_context(|| set.to_owned())?;
        launcher.tell("that is all").await?;
        let ended = launcher.until("ended with ", SOON).await?;
        ensure!(ended.last().is_some_and(|line| line == "ended with 0, left:; clone:; temporary:"), "{set}: {ended:#?}");
    }
    for left in ["usr/sbin/policy-rc.d", "var/lib/postgresql/15/main"] {
        ensure!(!machine.written(left).exists(), "the packages left {left}");
    }
    Ok(())
}

/// A person at the addresses that were printed.
async fn asked(port: u16, said: &[String]) -> Result<()> {
    let address = |what: &str| {
        let line =
            said.iter().find(|line| line.trim_start().starts_with(what)).with_context(|| format!("no {what} in {said:#?}"))?;
        Ok::<_, anyhow::Error>(line.split_whitespace().last().unwrap_or_default().to_owned())
    };
    let suite = Cluster::at(&format!("127.0.0.1:{port}"), ([127, 0, 0, 1], port).into())?;
    ensure!(address("Outrigger")?.ends_with(&format!(":{port}")), "{said:#?}");
    let page = suite.client().get(address("Outrigger")?).send().await?;
    ensure!(page.status().is_success(), "{}", page.status());
    let traces = suite.client().get(format!("{}/api/v2/services", address("Traces")?)).send().await?;
    ensure!(traces.status() == 200, "{}", traces.status());

    let ada = suite.member().await?;
    let now: DateTime<Utc> = SystemTime::now().into();
    let task = json!({ "title": "Submit report", "due_at": now + TimeDelta::seconds(65), "reminder_offset_minutes": 1 });
    ada.send(Method::POST, "/tasks", &[], Some(&task)).await?.is(201)?;
    let mailbox = address("Mail, SMS")?;
    eventually("the mail is there", SOON, async || {
        Ok(suite.client().get(&mailbox).send().await?.text().await?.contains(&ada.email).then_some(()))
    })
    .await
}

/// Scripts that read and change nothing, after the one package or two that the bare machine's errors have named. `check-dependencies.sh` is not
/// among them: not every network has its list of advisories.
#[test]
fn contract_what_only_reads_needs_no_more_than_it_names() -> Result<()> {
    if !is_long() {
        return Ok(());
    }
    let Some(machine) = Machine::find()? else { return Ok(()) };
    let install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends";
    let lines = [
        "scripts/check-dashboards.sh".to_owned(),
        "scripts/scan-secrets.sh".to_owned(),
        format!("{install} shellcheck openjdk-17-jre-headless maven"),
        "scripts/lint-workflows.sh".to_owned(),
        "scripts/check-kafka.sh".to_owned(),
        "git status --porcelain".to_owned(),
    ];
    for said in machine.run(&documented()?, &lines)? {
        ensure!(said.status == 0, "{said}");
        ensure!(said.line != "git status --porcelain" || said.out.is_empty(), "{said}");
    }
    Ok(())
}
