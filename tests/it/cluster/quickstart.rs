//! The quickstart, as its reader types it: the commands of its blocks, in their order, in the cluster that is there.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tests::cluster::{NAMESPACE, objects, said};
use tests::eventually;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{deploy, deploy::state};
use crate::workspace::root;

/// What is not run, and why. It is the last, and nothing may come after it.
const NOT_RUN: (&str, &str) =
    ("kubectl delete namespace outrigger", "it ends the suite that the other stories of this run are about");

/// Where a browser finds each service that a forwarded port leads to, and a word of its answer.
const SHOWN: [(&str, &str, &str); 3] = [
    ("service/gateway", "/app/sign-in", "<!doctype html>"),
    ("service/mailbox", "/", "<!doctype html>"),
    ("service/zipkin", "/health", "UP"),
];

/// kubectl has to find a pod first.
const OPENED: Duration = Duration::from_secs(30);
/// A service behind a port that is open may be asked too early.
const ANSWERED: Duration = Duration::from_secs(30);

/// The lines of the blocks that say ```` ```sh ````.
fn commands(text: &str) -> Result<Vec<String>> {
    let (mut commands, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside && language == "sh";
        } else if inside && !line.trim().is_empty() {
            // What is run is one program with its words; a pipe would need a shell.
            let plain = !line.contains(['|', '>', '<', '$', '"', '\'', '\\', ';', '&']);
            ensure!(plain, "no plain command: {line}");
            commands.push(line.trim().to_owned());
        }
    }
    Ok(commands)
}

/// Opens a port as the command says, asks at the address that the reader would open, and closes it.
async fn forwarded(words: &[&str]) -> Result<()> {
    let service = words.iter().find(|word| word.starts_with("service/")).context("a service")?;
    let (_, path, word) =
        SHOWN.iter().find(|(known, ..)| known == service).with_context(|| format!("what does {service} show?"))?;
    // `7100:80`, or one number for both sides.
    let port = words.last().and_then(|word| word.split(':').next()).context("a port")?;
    let port: u16 = port.parse().with_context(|| port.to_owned())?;
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(root()?).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut kubectl = command.spawn()?;
    let answered = ask(&mut kubectl, port, path, word).await.with_context(|| words.join(" "));
    // Closed, and seen to be: the next command may want the port.
    kubectl.kill().await?;
    answered
}

async fn ask(kubectl: &mut Child, port: u16, path: &str, word: &str) -> Result<()> {
    let mut lines = BufReader::new(kubectl.stdout.take().context("its output")?).lines();
    let line = tokio::time::timeout(OPENED, lines.next_line()).await.context("no port was opened")??;
    // Its errors are on this test's own output.
    let line = line.context("kubectl ended; is the port taken?")?;
    ensure!(line.starts_with("Forwarding from") && line.contains(&format!(":{port} ")), "{line}");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
    let url = format!("http://localhost:{port}{path}");
    // `lines` lives until the answer is there: kubectl ends when nobody could read what it says of each connection.
    let answer = eventually(&url, ANSWERED, async || {
        let Ok(answer) = client.get(&url).send().await else { return Ok(None) };
        let status = answer.status();
        Ok((status == 200).then_some(answer.text().await?))
    })
    .await;
    drop(lines);
    let answer = answer?;
    ensure!(answer.contains(word), "{url} shows no {word}: {answer}");
    Ok(())
}

/// What `scripts/validate-deployment.sh` printed has the lines of the quickstart, with other numbers perhaps.
fn is_well(words: &str) -> Result<()> {
    let lines: Vec<&str> = words.lines().collect();
    let checks = lines.iter().filter(|line| line.starts_with("ok    ")).count();
    ensure!(checks == 5 && lines.last() == Some(&"all is well"), "{words}");
    Ok(())
}

/// Every command is run as it stands there, but for two: the deployment gets `--cluster existing` and what this run deploys with, because there
/// is a cluster; and the last one is not run, because it deletes what the other stories need.
///
/// Tried, with programs in place of kubectl and of both scripts: a command after the last, a port of a service that is not known here, a script of another
/// name, a port-forward left out, a verdict with a check that failed, a page that is another.
#[tokio::test]
async fn cluster_the_commands_of_the_quickstart_do_what_it_says_and_a_second_run_changes_nothing() -> Result<()> {
    let text = std::fs::read_to_string(root()?.join("docs/quickstart.md"))?;
    let commands = commands(&text)?;
    ensure!(commands.len() >= 6, "{commands:?}");
    let (last, others) = commands.split_last().context("commands")?;
    ensure!(last == NOT_RUN.0, "the last command is {last}, and {} is not run: {}", NOT_RUN.0, NOT_RUN.1);
    let (mut deployed, mut opened, mut validated) = (0, 0, 0);
    for command in others {
        let words: Vec<&str> = command.split_whitespace().collect();
        match &words[..] {
            ["./scripts/deploy-local.sh", more @ ..] => {
                let before = state(NAMESPACE).await?;
                let words = said(deploy(more)?).await.with_context(|| command.clone())?;
                ensure!(words.contains("all is well") && words.contains("The suite runs."), "{words}");
                // It was deployed before this story.
                ensure!(words.contains("secrets: all kept"), "{words}");
                let after = state(NAMESPACE).await?;
                let all = before.keys().chain(after.keys());
                let differ: Vec<&String> = all.filter(|key| before.get(*key) != after.get(*key)).collect();
                ensure!(differ.is_empty(), "changed by a second run: {differ:?}");
                // It is what the following commands are typed after.
                ensure!(
                    objects(&["deployments"]).await?["items"].as_array().is_some_and(|all| all.len() >= 9),
                    "nothing is deployed"
                );
                deployed += 1;
            }
            ["kubectl", .., _service, _port] if words.contains(&"port-forward") => {
                forwarded(&words).await?;
                opened += 1;
            }
            ["./scripts/validate-deployment.sh", more @ ..] => {
                let mut script = Command::new(root()?.join("scripts/validate-deployment.sh"));
                script.args(more).current_dir(root()?);
                is_well(&said(script).await.with_context(|| command.clone())?)?;
                validated += 1;
            }
            _ => bail!("the quickstart has a command that this test does not know: {command}"),
        }
    }
    ensure!((deployed, opened, validated) == (1, SHOWN.len(), 1), "{deployed} {opened} {validated}: {commands:?}");
    Ok(())
}
