//! `outrigger dev`: the whole suite on this machine, until Ctrl-C.

mod follow;
mod screen;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use stack::{Options, Ports, Set, Stack};

use self::screen::Screen;
use crate::ended::Ended;
use crate::output::say;
use crate::suite::Folder;

/// What can differ from one run to the next.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Who carries the events: local (Redis), kafka, or cloud (Kafka and PostgreSQL by TLS only, text messages by Twilio)
    #[arg(long, default_value = "local", value_name = "SET")]
    components: Set,

    /// Several instances of an app; may be given for several apps
    #[arg(long, value_name = "APP=N", value_parser = replicas)]
    replicas: Vec<(String, u16)>,

    /// Start databases, brokers and catchers only; `dapr run -f .` starts the apps
    #[arg(long)]
    parts_only: bool,

    /// Print what every part prints, each line with its part
    #[arg(long)]
    logs: bool,

    /// The port of the printed address
    #[arg(long, default_value_t = 7100)]
    port: u16,

    /// Collect no traces
    #[arg(long)]
    no_zipkin: bool,

    /// Start Prometheus too, with the suite's alerts
    #[arg(long)]
    monitoring: bool,

    /// Start Dapr's scheduler too: each reminder is a job beside the clock
    #[arg(long)]
    jobs: bool,

    #[command(flatten)]
    folder: Folder,
}

/// Starts everything, waits for Ctrl-C, and stops what was started.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let begun = Instant::now();
    let mut ended = Ended::listen()?;
    let logs = arguments.logs;
    let options = options(arguments)?;
    let screen = Screen::new(logs);
    let patience = options.patience;
    let mut stack = Stack::prepare(options).await?;
    if logs {
        tokio::spawn(follow::folder(stack.run_dir().join("logs")));
    }
    let up = tokio::select! {
        up = tokio::time::timeout(patience, stack.up(screen.progress())) => Some(up),
        () = ended.wait() => None,
    };
    match up {
        Some(Ok(Ok(()))) => {
            screen.settle();
            say(&welcome(&stack, begun));
            ended.wait().await;
        }
        Some(Ok(Err(error))) => {
            screen.settle();
            stack.shutdown().await?;
            return Err(error);
        }
        Some(Err(_)) => {
            screen.settle();
            let late = stack.not_ready().await;
            stack.shutdown().await?;
            bail!("not ready after {} s: {late}", patience.as_secs());
        }
        None => screen.settle(),
    }
    say("Stopping; a second Ctrl-C ends at once.\n");
    let folder = stack.run_dir().to_path_buf();
    tokio::select! {
        result = stack.shutdown() => result?,
        () = ended.wait_again() => bail!("ended at once; the next start repairs what was cut off"),
    }
    say(&format!("Stopped. The data stays in {}; remove that folder to begin anew.\n", folder.display()));
    Ok(())
}

fn options(arguments: Arguments) -> Result<Options> {
    let root = stack::find_root(&std::env::current_dir()?)?;
    let run_dir = arguments.folder.path()?;
    let mut options = Options::new(root, run_dir);
    // The apps of the same build: beside this binary.
    let here = std::env::current_exe().context("finding where this program is")?;
    options.bin_dir = here.parent().context("this program is in no folder")?.to_path_buf();
    options.set = arguments.components;
    options.ports = Ports::Stated { front: arguments.port };
    options.replicas = arguments.replicas.into_iter().collect::<BTreeMap<_, _>>();
    options.apps = arguments.parts_only.then(Vec::new);
    options.zipkin = !arguments.no_zipkin;
    options.monitoring = arguments.monitoring;
    options.jobs = arguments.jobs;
    if arguments.jobs {
        options.env.entry("reminders".to_owned()).or_default().insert("REMINDER_TRIGGER".to_owned(), "jobs".to_owned());
    }
    Ok(options)
}

fn welcome(stack: &Stack, begun: Instant) -> String {
    let mut lines = vec![format!("\nReady after {:.1} s.", begun.elapsed().as_secs_f32())];
    let mut line = |what: &str, value: &str| lines.push(format!("  {what:<10} {value}"));
    line("Outrigger", &stack.front_url());
    if let Some(url) = stack.zipkin_url() {
        line("Traces", &url);
    }
    if let Some(url) = stack.prometheus_url() {
        line("Metrics", &url);
    }
    line("Mail, SMS", &stack.inbox_url());
    line("Logs", &stack.run_dir().join("logs").display().to_string());
    lines.push("Ctrl-C stops everything.\n".to_owned());
    lines.join("\n")
}

fn replicas(text: &str) -> Result<(String, u16)> {
    let (app, count) = text.split_once('=').context("this is written as app=n, for example reminders=3")?;
    let count = count.parse().context("the count is a number")?;
    if !(1..=10).contains(&count) {
        bail!("the count is from 1 to 10");
    }
    Ok((app.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use super::replicas;

    #[test]
    fn replicas_are_an_app_and_a_small_number() {
        assert_eq!(replicas("reminders=3").unwrap(), ("reminders".to_owned(), 3));
        for wrong in ["reminders", "reminders=", "reminders=0", "reminders=11", "reminders=x"] {
            assert!(replicas(wrong).is_err(), "{wrong}");
        }
    }
}
