//! The manifests' Kafka on real brokers: what is made of them, and one broker after the other away while the others of its world go on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually};

use super::nodes::{Client, Manifests, Node, places};
use crate::cluster::quantity;

/// What is written and read.
const TOPIC: &str = "task-events";
/// Kafka forgets a broker that was killed after nine seconds, which is its default; three times that on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// The longest that one write may wait for its acknowledgement, in milliseconds: also for that of a broker that was killed.
const LONGEST: u64 = 30_000;
const APPS: [&str; 4] = ["identity", "tasks", "audit", "gateway"];

/// Runs a story on the Kafka of the manifests. What it started is killed in the end: two brokers that are to end in order wait for each other.
async fn on_it(name: &str, apps: &[&str], tell: impl AsyncFnOnce(&Suite, &Manifests, Client) -> Result<()>) -> Result<()> {
    let manifests = Manifests::read()?;
    let suite = Suite::start(manifests.options(name, apps)?).await?;
    let client = Client::start(&suite, TOPIC)?;
    tell(&suite, &manifests, client).await
}

#[derive(Clone, Copy)]
enum End {
    InOrder,
    Killed,
}

/// It stays away, however it went.
async fn away(suite: &Suite, node: &Node, end: End) -> Result<()> {
    if matches!(end, End::Killed) {
        suite.stack().kill9(&node.name).await?;
    }
    suite.stack().stop(&node.name).await
}

fn is(node: &Node, role: &str) -> bool {
    node.roles.iter().any(|each| each == role)
}

/// The topics are what the file says, and nobody makes another. Then a broker is killed, stays away and comes back, while a writer (`acks=all`,
/// idempotent) and a group of readers go on; with OUTRIGGER_LONG the other one is ended in order, too, and then the controller.
///
/// Seen red: `min.insync.replicas: 2`, topics of one replica, automatic creation, and two nodes that are broker and controller. With these nothing
/// at all takes a write while a killed one is away: the other, alone, is no majority, so it neither becomes leader nor may leave the absent one out
/// of what each write waits for. A node that ends in order hands over before that, so there it does not show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_on_the_manifests_brokers_one_restarts_while_writers_and_readers_go_on() -> Result<()> {
    on_it("brokers", &[], async |suite, manifests, mut client| {
        as_in_the_file(manifests, &mut client).await?;
        client.ask("begin").await?;
        every_partition_is_written(&mut client).await?;
        let nodes = manifests.nodes()?;
        for ((place, node), end) in (1..).zip(&nodes).filter(|(_, node)| is(node, "broker")).zip([End::Killed, End::InOrder]) {
            away(suite, node, end).await?;
            every_partition_is_written(&mut client).await.with_context(|| format!("{} is away", node.name))?;
            client
                .each_partition(|at, partition| {
                    ensure!(partition["leader"] != place && partition["leader"] != 0, "{at} without {place}: {partition}");
                    Ok(())
                })
                .await?;
            suite.stack().start_part(&node.name).await?;
            leaders_come_back(&mut client).await.with_context(|| format!("{} is back", node.name))?;
            if !tests::suite::is_long() {
                break;
            }
        }
        if tests::suite::is_long() {
            let controller = nodes.iter().find(|node| is(node, "controller")).context("a controller")?;
            suite.stack().stop(&controller.name).await?;
            every_partition_is_written(&mut client).await.context("without a controller")?;
            suite.stack().start_part(&controller.name).await?;
            leaders_come_back(&mut client).await?;
        }
        println!("{}", ended(suite, &nodes, &mut client).await?);
        Ok(())
    })
    .await
}

/// What was acknowledged is there once, and no node had more memory than it may have.
async fn ended(suite: &Suite, nodes: &[Node], client: &mut Client) -> Result<String> {
    let end = client.ask("end").await?;
    let acknowledged: u64 = numbers(&end["acknowledged"]).iter().sum();
    ensure!(end["failed"] == json!([]) && end["unread"] == 0, "{end}");
    ensure!(end["stored"] == acknowledged && end["read"] == acknowledged, "lost or twice: {end}");
    ensure!(end["slowest"].as_u64().is_some_and(|slowest| slowest < LONGEST), "{end}");
    for node in nodes {
        let most = most_memory(suite, node)?;
        ensure!(most < node.limit, "{} took {most} of {} bytes", node.name, node.limit);
    }
    Ok(format!("{acknowledged} acknowledged, stored and read; the slowest waited {} ms", end["slowest"]))
}

/// The topics as they were made, and that there is no other.
async fn as_in_the_file(manifests: &Manifests, client: &mut Client) -> Result<()> {
    let refused = client.ask("misspelt").await?;
    ensure!(refused["taken"] == false, "a topic that nobody made: {refused}");
    eventually("every broker has its part", SOON, async || client.whole().await.map(Some)).await?;
    let said = client.ask("describe").await?;
    let said = said.as_object().context("topics")?;
    let wanted = manifests.topics()?;
    ensure!(said.len() == wanted.len(), "{:?}", said.keys());
    for topic in wanted {
        let found = said.get(&topic.name).with_context(|| topic.name.clone())?;
        let partitions = found["partitions"].as_array().context("partitions")?;
        ensure!(i32::try_from(partitions.len())? == topic.partitions, "{}: {found}", topic.name);
        for partition in partitions {
            ensure!(places(&partition["replicas"]).len() == usize::try_from(topic.replicas)?, "{}: {partition}", topic.name);
        }
        ensure!(found["settings"] == json!(topic.settings), "{}: {found}", topic.name);
    }
    Ok(())
}

/// From now on each takes some writes, and what was written until then is read.
async fn every_partition_is_written(client: &mut Client) -> Result<()> {
    let before = client.ask("count").await?;
    eventually("every partition takes writes, and readers follow", SOON, async || {
        let now = client.ask("count").await?;
        let (old, new) = (numbers(&before["acknowledged"]), numbers(&now["acknowledged"]));
        ensure!(new.len() == 12, "{now}");
        let slow = new.iter().enumerate().filter(|(at, count)| **count < old.get(*at).unwrap_or(&0) + 5).count();
        ensure!(slow == 0, "{slow} partitions take none: before {before}, now {now}");
        ensure!(now["read"].as_u64() >= Some(old.iter().sum()), "before {before}, now {now}");
        Ok(Some(()))
    })
    .await
}

/// Each partition's first broker has caught up and leads.
async fn leaders_come_back(client: &mut Client) -> Result<()> {
    eventually("both brokers have everything", SOON * 2, async || client.whole().await.map(Some)).await?;
    eventually("each leads its own", SOON, async || {
        client.ask("elect").await?;
        client
            .each_partition(|at, partition| {
                ensure!(places(&partition["replicas"]).first() == partition["leader"].as_u64().as_ref(), "{at}: {partition}");
                Ok(())
            })
            .await
            .map(Some)
    })
    .await
}

/// By partition.
fn numbers(value: &Value) -> Vec<u64> {
    let mut numbers: Vec<(u64, u64)> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(partition, count)| Some((partition.parse().ok()?, count.as_u64()?)))
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|(_, count)| count).collect()
}

/// The most memory that its process had at once, in bytes.
fn most_memory(suite: &Suite, node: &Node) -> Result<f64> {
    let pid = std::fs::read_to_string(suite.stack().run_dir().join("pids").join(&node.name))?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.lines().next().unwrap_or_default()))?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).context("VmHWM")?;
    quantity(&format!("{most}Ki"))
}

/// Only with OUTRIGGER_LONG: sidecars with `components/kafka` on the manifests' brokers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_each_of_two_brokers_restarts_and_events_arrive_without_it() -> Result<()> {
    if !tests::suite::is_long() {
        return Ok(());
    }
    on_it("brokers-events", &APPS, async |suite, manifests, mut client| {
        let (person, database) = (Person::signed_up(suite.clone()).await?, Database::of(suite).await?);
        let mut made = 0;
        let nodes = manifests.nodes()?;
        arrives(&person, &database, &mut made).await?;
        for (node, end) in nodes.iter().filter(|node| is(node, "broker")).zip([End::Killed, End::InOrder]) {
            away(suite, node, end).await?;
            let took = arrives(&person, &database, &mut made).await.with_context(|| format!("{} is away", node.name))?;
            println!("without {} everything had arrived after {took:?}", node.name);
            suite.stack().start_part(&node.name).await?;
            leaders_come_back(&mut client).await?;
            arrives(&person, &database, &mut made).await?;
        }
        let letters = database.count("select count(*) from audit.dead_letters", &[]).await?;
        ensure!(letters == 0, "{letters} dead letters");
        Ok(())
    })
    .await
}

/// Makes tasks, of many keys and so on every partition, and waits until audit has each of them, once.
async fn arrives(person: &Person, database: &Database, made: &mut i64) -> Result<Duration> {
    for _ in 0..40 {
        person.create_task(&json!({ "title": format!("Task {made}") })).await?;
        *made += 1;
    }
    let begun = std::time::Instant::now();
    let rows = "select count(*) from audit.audit_logs where action = 'task.created'";
    eventually("audit has every task", SOON * 2, async || {
        let found = database.count(rows, &[]).await?;
        let waiting = database.count("select count(*) from tasks.outbox_events where published_at is null", &[]).await?;
        ensure!(found == *made && waiting == 0, "{found} of {made}, {waiting} wait");
        Ok(Some(()))
    })
    .await?;
    Ok(begun.elapsed())
}
