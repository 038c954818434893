//! Nothing lost and nothing twice, while every part is killed again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use contracts::task::Status;
use serde_json::{Value, json};
use tests::database::Database;
use tests::suite::is_long;
use tests::{Person, Suite, eventually};

use super::ledger::Ledger;
use super::messages::Talk;
use super::random::Random;
use super::{BACK, alone, books, now, options, say};

/// How often each part is killed, and how many operations must be acknowledged: in full, and shortened where the gate runs it.
const FULL: Measure = Measure { kills: 5, operations: 2_000 };
const SHORT: Measure = Measure { kills: 1, operations: 400 };
/// People who write at the same time.
const WRITERS: u64 = 8;
/// Those of them who talk as well.
const TALKERS: u64 = 2;
/// Longest time a writer thinks between two operations, and the killer between two kills.
const THINK_MS: u64 = 500;
/// How long after the last kill everything may still be on its way.
const CALM: Duration = Duration::from_secs(120);

/// How much of it.
#[derive(Clone, Copy)]
struct Measure {
    /// Of each part.
    kills: usize,
    /// Acknowledged.
    operations: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_nothing_is_lost_and_nothing_happens_twice_while_every_part_is_killed() -> Result<()> {
    let apps =
        ["identity", "tasks", "recurrence", "reminders", "notifications", "messaging", "realtime", "audit", "web", "gateway"];
    let (random, seed) = Random::of_run("nothing lost")?;
    let measure = if is_long() { FULL } else { SHORT };
    alone(options("loss", &apps)?, async |suite| run(suite, measure, random, seed).await).await
}

async fn run(suite: &Suite, measure: Measure, mut random: Random, seed: u64) -> Result<()> {
    let began = Instant::now();
    let (ledger, over, late) = (Ledger::default(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (mut people, mut writers, mut talkers) = (Vec::new(), tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    for number in 0..WRITERS {
        let person = Person::signed_up(suite.clone()).await?;
        people.push(person.clone());
        if number < TALKERS {
            talkers.spawn(Talk::of(person.clone(), Random::new(seed + 100 + number), over.clone()));
        }
        writers.spawn(write(person, ledger.clone(), Random::new(seed + 1 + number), late.clone(), over.clone()));
    }

    let killed = kill(suite, measure.kills, &ledger, &mut random, &late).await;
    let last_kill = Instant::now();
    if killed.is_ok() {
        // Whatever the killing left undone.
        let enough = async || Ok((ledger.operations() >= measure.operations).then_some(()));
        eventually("enough operations are acknowledged", CALM, enough).await?;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let mut talks = Vec::new();
    while let Some(talk) = talkers.join_next().await {
        talks.push(talk??);
    }
    let kills = killed?;

    let database = Database::of(suite).await?;
    eventually("everything has arrived", CALM.saturating_sub(last_kill.elapsed()), async || {
        let left = books::on_its_way(&database).await?;
        ensure!(left.is_empty(), "{}", left.join("; "));
        Ok(Some(()))
    })
    .await?;
    for talk in &talks {
        talk.is_kept(&database, CALM.saturating_sub(last_kill.elapsed())).await?;
    }
    let calm = last_kill.elapsed();
    books::nothing_wrong(&database).await?;
    the_tables_say_what_the_ledger_says(&ledger, &database, &people).await?;
    mails_are_counted(suite, &database, &kills).await?;
    books::gauges_are_zero(suite).await?;

    let entries = ledger.entries();
    say(&format!(
        "seed {seed}: {} creates, {} completions and {} messages acknowledged, repeated after {:?} (0: no answer), the slowest took {:?}; {} kills {kills:?}; \
         calm {calm:?} after the last one; {:?} in all",
        entries.created.len(),
        entries.completed.len(),
        talks.iter().map(Talk::len).sum::<usize>(),
        entries.open_answers,
        entries.longest,
        kills.values().sum::<usize>(),
        began.elapsed(),
    ));
    Ok(())
}

/// One person: makes tasks and completes most of them; some have a reminder that comes up in the middle of it all.
async fn write(person: Person, ledger: Ledger, mut random: Random, late: Arc<AtomicBool>, over: Arc<AtomicBool>) -> Result<()> {
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let mut body = json!({ "title": format!("Task {number}") });
        if random.below(4) == 0 {
            body["recurrence_pattern"] =
                json!({ "pattern_type": "daily", "end_type": "after_occurrences", "end_after_occurrences": 2 });
        }
        let is_reminded = random.below(8) == 0 && !late.load(Ordering::Relaxed);
        if is_reminded {
            // Later than its creation even when that is repeated for a while.
            body["due_at"] = json!(now() + TimeDelta::seconds(65 + random.below(20) as i64));
            body["reminder_offset_minutes"] = json!(1);
        }
        let task = ledger.create(&person, &body).await?;
        tokio::time::sleep(random.millis(THINK_MS)).await;
        if !is_reminded || random.below(4) == 0 {
            ledger.complete(&person, task.id).await?;
            tokio::time::sleep(random.millis(THINK_MS)).await;
        }
    }
    Ok(())
}

/// Kills every part again and again in an order of chance, each only when everything is well again.
async fn kill(
    suite: &Suite,
    rounds: usize,
    ledger: &Ledger,
    random: &mut Random,
    late: &AtomicBool,
) -> Result<BTreeMap<String, usize>> {
    let parts: Vec<String> = suite.stack().parts().into_iter().map(|(name, ..)| name).collect();
    // Each once a round: a part that is killed as soon as it is back is left down longer each time, which is the supervisor's doing.
    let mut order = Vec::new();
    for _ in 0..rounds {
        let mut round: Vec<&String> = parts.iter().collect();
        random.shuffle(&mut round);
        order.extend(round);
    }
    let mut kills = BTreeMap::new();
    let mut slowest = (Duration::ZERO, String::new());
    for (number, part) in order.iter().enumerate() {
        late.store(number * 4 > order.len() * 3, Ordering::Relaxed);
        tokio::time::sleep(random.millis(THINK_MS)).await;
        suite.stack().kill9(part).await?;
        let died = Instant::now();
        let back = suite.stack().wait_ready(BACK).await;
        back.map_err(|error| error.context(format!("{part} was killed, as number {number} of {}", order.len())))?;
        slowest = slowest.max((died.elapsed(), (*part).clone()));
        *kills.entry((*part).clone()).or_default() += 1;
    }
    say(&format!(
        "{} operations during {} kills; slowest to come back: {} in {:?}",
        ledger.operations(),
        order.len(),
        slowest.1,
        slowest.0
    ));
    Ok(kills)
}

/// Each acknowledged change, and no other, is readable through the gateway and has its event.
async fn the_tables_say_what_the_ledger_says(ledger: &Ledger, database: &Database, people: &[Person]) -> Result<()> {
    let (created, completed) = {
        let entries = ledger.entries();
        (entries.created.clone(), entries.completed.clone())
    };
    let recurring = created.values().filter(|task| task.occurrence.is_some() && completed.contains(&task.id)).count();
    let (mut read, mut again) = (0, 0);
    for person in people {
        let mut offset = 0;
        loop {
            let page = person.list(&format!("?limit=100&offset={offset}")).await?;
            for task in &page.items {
                if task.occurrence == Some(2) {
                    again += 1;
                    continue;
                }
                let made = created.get(&task.id);
                ensure!(made.is_some_and(|made| made.title == task.title), "{task:?} was acknowledged as {made:?}");
                let is_done = task.status == Status::Completed;
                ensure!(is_done == completed.contains(&task.id), "{task:?}: completion acknowledged: {}", !is_done);
            }
            offset += page.items.len();
            if !page.has_more {
                break;
            }
        }
        read += offset;
    }
    ensure!(read - again == created.len(), "{read} tasks can be read, {} were acknowledged", created.len());
    ensure!(again == recurring, "{recurring} recurring tasks were completed, {again} came again");
    for (event, count) in [("task.created", created.len() + again), ("task.completed", completed.len())] {
        let sql = "select count(*) from tasks.outbox_events where event_type = $1";
        let events = database.count(sql, &[&event]).await?;
        ensure!(events == count as i64, "{events} events {event}, {count} acknowledged");
    }
    Ok(())
}

/// At most one mail a recorded attempt, and one too many at most for each time that its sender or the way to it was killed.
async fn mails_are_counted(suite: &Suite, database: &Database, kills: &BTreeMap<String, usize>) -> Result<()> {
    let mails = suite.stack().mails().len() as i64;
    let attempts = database.count("select count(*) from notifications.attempts", &[]).await?;
    let sent = database
        .count("select count(*) from notifications.notifications where channel = 'email' and status = 'sent'", &[])
        .await?;
    let failed = database
        .json("select coalesce(jsonb_agg(last_error), '[]') from notifications.notifications where status = 'failed'", &[])
        .await?;
    let of = |part: &str| kills.get(part).copied().unwrap_or(0) as i64;
    let excuse = of("notifications") + of("notifications-daprd") + of("postgres");
    say(&format!("{mails} mails for {sent} notifications in {attempts} attempts"));
    ensure!(mails <= attempts, "{mails} mails, {attempts} attempts");
    ensure!(mails >= sent && mails - sent <= excuse, "{mails} mails for {sent} notifications, {excuse} kills that excuse one");
    ensure!(failed == Value::Array(Vec::new()), "notifications that failed: {failed}");
    Ok(())
}
