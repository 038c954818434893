//! The running stack: what callers learn from it and do to it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::catcher::{Catcher, Mail, Sms};
use crate::instance::{Instance, part_name};
use crate::launch;
use crate::maven;
use crate::notice::{Progress, State};
use crate::options::{KafkaCluster, Options};
use crate::part::{Order, Part};
use crate::parts::{kafka, scheduler};
use crate::ports::FreePorts;
use crate::run_dir::RunDir;
use crate::running;
use crate::secrets::{Kept, Secrets};
use crate::tls::Tls;

/// Everything that was started, until `shutdown` or drop.
#[derive(Debug)]
pub struct Stack {
    pub(crate) options: Options,
    pub(crate) run: RunDir,
    pub(crate) kept: Kept,
    pub(crate) secrets: Secrets,
    /// In the cloud set.
    pub(crate) tls: Option<Tls>,
    pub(crate) at: Ports,
    pub(crate) instances: Vec<Instance>,
    /// In the order of starting.
    pub(crate) parts: Vec<Part>,
    pub(crate) catcher: Arc<Catcher>,
    /// Taken only by drop.
    pub(crate) runtime: Option<Runtime>,
    pub(crate) _ports: FreePorts,
}

/// The ports of what is no app.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    pub postgres: u16,
    pub redis: u16,
    /// Of each node.
    pub kafka: Vec<kafka::Doors>,
    /// The door for sidecars in the cloud set.
    pub kafka_secured: u16,
    pub zipkin: u16,
    pub prometheus: u16,
    pub scheduler: scheduler::Ports,
    pub smtp: u16,
    pub inbox: u16,
    pub front: u16,
}

impl Ports {
    fn doors<'a>(&'a self, kafka: &'a KafkaCluster) -> impl Iterator<Item = u16> + 'a {
        kafka.nodes.iter().zip(&self.kafka).filter(|(node, _)| node.is("broker")).map(|(_, doors)| doors.broker)
    }

    /// Kafka's brokers, as clients are told them.
    pub fn brokers(&self, kafka: &KafkaCluster) -> String {
        self.doors(kafka).map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// The first of them.
    pub fn broker(&self, kafka: &KafkaCluster) -> Result<u16> {
        self.doors(kafka).next().context("a Kafka without a broker")
    }
}

impl Stack {
    /// Starts everything and waits until it is ready. On an error everything is ended again.
    pub async fn start(options: Options, progress: Progress) -> Result<Self> {
        let patience = options.patience;
        let mut stack = Self::prepare(options).await?;
        let up = tokio::time::timeout(patience, stack.up(progress)).await;
        match up {
            Ok(Ok(())) => Ok(stack),
            Ok(Err(error)) => {
                stack.shutdown().await?;
                Err(error)
            }
            Err(_) => {
                let late = stack.not_ready().await;
                stack.shutdown().await?;
                bail!("not ready after {} s: {late}", patience.as_secs())
            }
        }
    }

    /// Takes the run directory and the ports, and writes what the parts read. Nothing but the catchers runs yet.
    pub async fn prepare(options: Options) -> Result<Self> {
        launch::prepare(options).await
    }

    /// Starts everything that `prepare` has laid out and waits until it is ready.
    pub async fn up(&mut self, progress: Progress) -> Result<()> {
        launch::up(self, progress).await
    }

    /// Ends everything that was started, apps first, and keeps the data.
    pub async fn shutdown(self) -> Result<()> {
        self.withdraw();
        let (servers, others): (Vec<&Part>, Vec<&Part>) = self.parts.iter().partition(|part| is_server(&part.name));
        let (sidecars, apps): (Vec<&Part>, Vec<&Part>) = others.into_iter().partition(|part| part.name.ends_with("-daprd"));
        // An app finishes its work through its sidecar, and a sidecar through the servers.
        for group in [apps, sidecars, servers] {
            for result in join_all(group.iter().map(|part| part.order(Order::Stop))).await {
                result?;
            }
        }
        Ok(())
    }

    /// The address of the front door.
    pub fn front_url(&self) -> String {
        format!("http://localhost:{}", self.at.front)
    }

    /// The administrator's connection to PostgreSQL.
    pub fn postgres_url(&self) -> String {
        let password = self.kept.passwords.get("postgres").map_or("", String::as_str);
        format!("postgres://postgres:{password}@127.0.0.1:{}/outrigger", self.at.postgres)
    }

    /// Redis, with its password.
    pub fn redis_url(&self) -> String {
        let password = self.kept.passwords.get("redis").map_or("", String::as_str);
        format!("redis://:{password}@127.0.0.1:{}/", self.at.redis)
    }

    /// Kafka's address without a password, in the sets that have it.
    pub fn kafka_brokers(&self) -> Option<String> {
        (self.options.set.broker() == "kafka").then(|| self.at.brokers(&self.options.kafka))
    }

    /// Kafka's archives, its clients among them.
    pub fn kafka_archives(&self) -> Result<std::path::PathBuf> {
        Ok(maven::folder(&self.options.root, "kafka")?.0)
    }

    /// Zipkin's address, when traces are collected.
    pub fn zipkin_url(&self) -> Option<String> {
        self.options.zipkin.then(|| format!("http://localhost:{}", self.at.zipkin))
    }

    /// Prometheus' address, when there is one.
    pub fn prometheus_url(&self) -> Option<String> {
        self.options.monitoring.then(|| format!("http://localhost:{}", self.at.prometheus))
    }

    /// Where caught mail and text messages can be read.
    pub fn inbox_url(&self) -> String {
        format!("http://localhost:{}", self.at.inbox)
    }

    /// What the sidecars get from `secretstore`.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Where data, logs and rendered files are.
    pub fn run_dir(&self) -> &std::path::Path {
        &self.run.path
    }

    /// One app with its sidecar.
    pub fn instance(&self, app: &str, index: u16) -> Result<&Instance> {
        let found = self.instances.iter().find(|instance| instance.app == app && instance.index == index);
        found.with_context(|| format!("{} was not started", part_name(app, index)))
    }

    /// Every app with its sidecar.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The name of each part, its state and its log, in the order of starting.
    pub fn parts(&self) -> Vec<(String, State, std::path::PathBuf)> {
        self.parts.iter().map(|part| (part.name.clone(), part.state.borrow().clone(), part.log.clone())).collect()
    }

    /// The mails that were accepted so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.catcher.mails()
    }

    /// Answers the next mails with a temporary failure.
    pub fn smtp_refuse(&self, count: usize) {
        self.smtp_refuse_with(count, "451 4.3.0 try again later");
    }

    /// Answers the next mails with this line, as `550 5.1.1 no such mailbox`.
    pub fn smtp_refuse_with(&self, count: usize, answer: &str) {
        self.catcher.refuse_mail(count, answer);
    }

    /// Answers the next mails to this one address with this line.
    pub fn smtp_refuse_to(&self, address: &str, count: usize, answer: &str) {
        self.catcher.refuse_mail_to(address, count, answer);
    }

    /// The text messages that were accepted so far.
    pub fn sms(&self) -> Vec<Sms> {
        self.catcher.sms()
    }

    /// Answers the next text messages with this status.
    pub fn sms_refuse(&self, count: usize, status: u16) {
        self.catcher.refuse_sms(count, status);
    }

    /// Answers the next text messages to this one number with this status.
    pub fn sms_refuse_to(&self, number: &str, count: usize, status: u16) {
        self.catcher.refuse_sms_to(number, count, status);
    }

    /// How many of the refusals that were set for an address or a number have not been met.
    pub fn refusals_left(&self, recipient: &str) -> usize {
        self.catcher.refusals_left(recipient)
    }

    /// Kills a part without warning. It is dead when this returns, and its supervisor starts it again.
    pub async fn kill9(&self, part: &str) -> Result<()> {
        self.part(part)?.order(Order::Kill).await
    }

    /// Stops a part in its tracks, with everything below it.
    pub async fn pause(&self, part: &str) -> Result<()> {
        self.part(part)?.order(Order::Pause).await
    }

    /// Lets a paused part go on.
    pub async fn resume(&self, part: &str) -> Result<()> {
        self.part(part)?.order(Order::Resume).await
    }

    /// Ends a part in order; it stays away until `start`.
    pub async fn stop(&self, part: &str) -> Result<()> {
        self.part(part)?.order(Order::Stop).await
    }

    /// Starts a part that was stopped; returns before it is ready.
    pub async fn start_part(&self, part: &str) -> Result<()> {
        self.part(part)?.order(Order::Start).await
    }

    /// Stops a part, starts it and waits until it is ready.
    pub async fn restart(&self, part: &str) -> Result<()> {
        self.stop(part).await?;
        self.start_part(part).await?;
        self.part(part)?.ready().await
    }

    /// Waits until every part answers, asked anew: a part that was ready a moment ago may have died since.
    pub async fn wait_ready(&self, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        loop {
            let answers = join_all(self.parts.iter().map(|part| part.probe.ask())).await;
            let late: Vec<&str> =
                self.parts.iter().zip(answers).filter(|(_, ready)| !ready).map(|(part, _)| part.name.as_str()).collect();
            if late.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("not ready after {} s: {}", patience.as_secs(), self.describe(&late).await);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The parts that have not answered yet, each with the end of its log.
    pub async fn not_ready(&self) -> String {
        let late: Vec<&str> =
            self.parts.iter().filter(|part| *part.state.borrow() != State::Ready).map(|part| part.name.as_str()).collect();
        self.describe(&late).await
    }

    async fn describe(&self, names: &[&str]) -> String {
        let mut text = names.join(", ");
        // The first few say enough; the others usually wait for them.
        for part in names.iter().filter_map(|name| self.part(name).ok()).take(3) {
            if let Some(words) = part.probe.words().await {
                text.push_str(&format!("\n{} {words}", part.name));
            }
            text.push_str(&format!("\n{}", part.log_end()));
        }
        text
    }

    /// What ends is no longer to be found; the file is not there when nothing was started.
    fn withdraw(&self) {
        let _ = std::fs::remove_file(self.run.join(running::FILE));
    }

    pub(crate) fn part(&self, name: &str) -> Result<&Part> {
        self.parts.iter().find(|part| part.name == name).with_context(|| {
            let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
            format!("there is no part {name}; the parts are {}", names.join(", "))
        })
    }
}

impl Drop for Stack {
    /// Kills what still runs: the supervisors are dropped with their runtime, and their children with them.
    fn drop(&mut self) {
        self.withdraw();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn is_server(name: &str) -> bool {
    matches!(name, "postgres" | "redis" | "zipkin" | "prometheus" | "scheduler") || name.starts_with("kafka")
}

/// Runs futures at the same time and gives their results in their order.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut open = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}
