//! A broker that is away: writing goes on, the events wait in the outbox, and nobody is restarted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::database::Database;
use tests::socket::Socket;
use tests::{Person, Suite, eventually};
use uuid::Uuid;

use super::{SOON, alone, options, say};

/// How many tasks are made.
const TASKS: usize = 200;
/// After how many of them the broker goes away.
const BEFORE: usize = 80;
/// Everything has arrived this long after the broker is back.
const ARRIVED: Duration = Duration::from_secs(60);
/// What a create may take while the broker is away, against what it usually takes: noise of two busy cores, not a timeout.
const SLOWER: u32 = 3;
/// The noise of a busy machine on a time of a few milliseconds.
const NOISE: Duration = Duration::from_millis(60);
/// No single create may wait for the broker.
const LONGEST: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_while_the_broker_is_away_every_create_is_taken_and_its_events_wait() -> Result<()> {
    let options = options("broker", &["identity", "tasks", "reminders", "notifications", "realtime", "audit", "gateway"])?;
    let broker = options.set.broker();
    alone(options, async |suite| run(suite, broker).await).await
}

async fn run(suite: &Suite, broker: &str) -> Result<()> {
    let person = Person::signed_up(suite.clone()).await?;
    let database = Database::of(suite).await?;
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    let page = tokio::spawn(keep_open(Socket::open(&person).await?, person.clone(), heard.clone()));
    let before = processes(suite)?;

    let (mut made, mut usual, mut away) = (BTreeSet::new(), Vec::new(), Vec::new());
    for number in 0..TASKS {
        if number == BEFORE {
            suite.stack().stop(broker).await?;
        }
        let began = Instant::now();
        made.insert(person.create_task(&json!({ "title": format!("Task {number}") })).await?.id);
        if number < BEFORE { usual.push(began.elapsed()) } else { away.push(began.elapsed()) }
    }
    let waiting = "select count(*) from tasks.outbox_events where published_at is null";
    let waiting = database.count(waiting, &[]).await?;
    // One for the other apps and one for the page; those made just before the end may have been on their way.
    ensure!(waiting >= 2 * (TASKS - BEFORE) as i64, "{waiting} rows wait");
    let (usual_median, away_median) = (median(&mut usual), median(&mut away));
    ensure!(away_median < usual_median * SLOWER + NOISE, "usually {usual_median:?}, without the broker {away_median:?}");
    let longest = away.last().copied().unwrap_or_default();
    ensure!(longest < LONGEST, "without the broker one create took {longest:?}");
    for instance in suite.stack().instances() {
        let ready = suite.client().get(format!("http://127.0.0.1:{}/ready", instance.app_port)).send().await?;
        ensure!(ready.status().is_success(), "{} is not ready without a broker: {}", instance.part(), ready.text().await?);
    }

    suite.stack().start_part(broker).await?;
    let back = Instant::now();
    let recorded = "select count(*) from audit.audit_logs where action = 'task.created'";
    eventually("every event has arrived", ARRIVED, async || {
        let left = database.count("select count(*) from tasks.outbox_events where published_at is null", &[]).await?;
        let rows = database.count(recorded, &[]).await?;
        let known = database.count("select count(*) from reminders.task_schedule", &[]).await?;
        ensure!(
            left == 0 && rows == TASKS as i64 && known == TASKS as i64,
            "{left} wait, {rows} audit rows, {known} known to reminders"
        );
        Ok(Some(()))
    })
    .await?;
    let arrived = back.elapsed();
    let task = person.create_task(&json!({ "title": "after" })).await?;
    made.insert(task.id);
    let hears = async || Ok(heard.lock().unwrap_or_else(PoisonError::into_inner).contains(&task.id).then_some(()));
    eventually("the open page hears of what is made now", SOON, hears).await?;

    // What a page does when its socket comes back: it reads the lists.
    let (mut seen, mut offset) = (BTreeSet::new(), 0);
    while offset < made.len() {
        let page = person.list(&format!("?limit=100&offset={offset}")).await?;
        seen.extend(page.items.iter().map(|task| task.id));
        offset += 100;
    }
    ensure!(seen == made, "{} of {} tasks are listed", seen.len(), made.len());
    page.abort();
    let after = processes(suite)?;
    let restarted: Vec<&String> =
        after.iter().filter(|(part, pid)| **part != broker && before.get(*part) != Some(pid)).map(|(part, _)| part).collect();
    ensure!(restarted.is_empty(), "restarted: {restarted:?}");
    let letters = database.count("select count(*) from audit.dead_letters", &[]).await?;
    ensure!(letters == 0, "{letters} dead letters of an outage");
    let frames = heard.lock().unwrap_or_else(PoisonError::into_inner).len();
    say(&format!(
        "{broker} away for {} creates: median {usual_median:?} before, {away_median:?} without, longest {longest:?}; {waiting} rows waited; \
         all arrived {arrived:?} after the start; the page heard of {frames} of {} tasks by itself",
        TASKS - BEFORE,
        made.len(),
    ));
    Ok(())
}

/// An open page: listens, and opens its socket again whenever it ends.
async fn keep_open(socket: Socket, person: Person, heard: Arc<Mutex<BTreeSet<Uuid>>>) {
    let mut socket = Some(socket);
    loop {
        let mut open = match socket.take() {
            Some(socket) => socket,
            None => match Socket::open(&person).await {
                Ok(socket) => socket,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
        };
        // Ends with the socket: no silence is that long.
        while let Ok(frame) = open.next(Duration::from_secs(300), |frame| frame["change"] == "created").await {
            if let Ok(id) = serde_json::from_value::<Uuid>(frame["task_id"].clone()) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            }
        }
    }
}

/// The process id of every part, as its supervisor wrote it down.
fn processes(suite: &Suite) -> Result<BTreeMap<String, String>> {
    let mut processes = BTreeMap::new();
    for (part, ..) in suite.stack().parts() {
        let path = suite.stack().run_dir().join("pids").join(&part);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{part} has no process"))?;
        processes.insert(part, text.lines().next().unwrap_or_default().to_owned());
    }
    Ok(processes)
}

/// The one in the middle; sorts them.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
