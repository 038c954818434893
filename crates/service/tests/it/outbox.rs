//! The relay, alone in a schema that no process uses: what is committed reaches the broker, in order per key, whoever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use service::metrics::Metrics;
use service::migrate::{all, up};
use service::outbox::{Broker, Pass, Relay};
use service::telemetry::Spans;
use service::{Clock, Database};
use tokio::sync::{Mutex, MutexGuard, watch};
use uuid::Uuid;

use crate::ground::{Ground, alone, eventually, is_long, shared};

/// A topic that nobody subscribes to here, so that its stream can be read as it was written.
const TOPIC: &str = "reminders";

/// Events and kills of the relays: in full, and shortened where the gate runs it.
const FULL: (i32, usize) = (100_000, 150);
const SHORT: (i32, usize) = (5_000, 15);
/// Over how many keys they are spread.
const KEYS: i32 = 250;

/// These tests share one schema.
static SCHEMA: Mutex<()> = Mutex::const_new(());

/// A relay on the schema of `audit`, which is empty.
async fn relay(ground: &Ground) -> (Relay, tokio_postgres::Client, MutexGuard<'static, ()>) {
    let guard = SCHEMA.lock().await;
    let sidecar = ground.sidecar("audit");
    let database = Database::of(&sidecar, "audit");
    up(database.sql(), &all(&[])).await.unwrap();
    let client = ground.database().await;
    client.batch_execute("set search_path = audit; truncate outbox_events").await.unwrap();
    let relay = Relay {
        app: "audit",
        sidecar,
        database,
        metrics: Metrics::new("audit"),
        spans: Spans::to(None, "audit"),
        clock: Clock::default(),
        broker: Broker::default(),
        retention: Duration::from_secs(7 * 24 * 3600),
    };
    (relay, client, guard)
}

/// Commits `count` events, in turn over `keys` keys.
async fn enqueue(client: &tokio_postgres::Client, run: &str, keys: i32, count: i32) {
    let sql = "insert into outbox_events (id, topic, key, aggregate_type, aggregate_id, aggregate_version, event_type, payload)
      select gen_random_uuid(), $1, $2 || '-' || n % $3, 'test', gen_random_uuid(), 1, 'test.made',
        jsonb_build_object('run', $2::text, 'key', n % $3, 'sequence', n / $3)
      from generate_series(0, $4::integer - 1) as n order by n";
    client.execute(sql, &[&TOPIC, &run, &keys, &count]).await.unwrap();
}

async fn pending(client: &tokio_postgres::Client) -> i64 {
    client.query_one("select count(*) from outbox_events where published_at is null", &[]).await.unwrap().get(0)
}

async fn all_published(client: &tokio_postgres::Client) {
    eventually("everything is published", async || (pending(client).await == 0).then_some(())).await;
}

/// Every event of this run in the order of the broker.
async fn stream(ground: &Ground, run: &str) -> Vec<Value> {
    // Thirty megabytes take their time on a busy machine.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let client = redis::Client::open(ground.stack.redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    let entries: Vec<(String, BTreeMap<String, String>)> =
        redis::cmd("XRANGE").arg(TOPIC).arg("-").arg("+").query_async(&mut redis).await.unwrap();
    let events = entries.into_iter().map(|(_, fields)| serde_json::from_str::<Value>(&fields["data"]).unwrap());
    events.filter(|event| event["data"]["run"] == run).collect()
}

#[tokio::test]
async fn three_relays_that_are_killed_at_random_lose_nothing_and_keep_the_order_of_each_key() {
    let ground = shared().await;
    let (relay, client, _guard) = relay(&ground).await;
    let (run, seed) = (Uuid::new_v4().to_string(), Uuid::new_v4());
    eprintln!("seed {seed}");
    let (count, most) = if is_long() { FULL } else { SHORT };
    enqueue(&client, &run, KEYS, count).await;
    let work = |relay: Relay, worker: Uuid| {
        tokio::spawn(async move {
            loop {
                if relay.pass(worker).await.unwrap_or_default() == Pass::default() {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let mut random = seed.as_u128();
    let mut next = |below: u128| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut workers: Vec<(Uuid, tokio::task::JoinHandle<()>)> =
        (0..3).map(|_| Uuid::new_v4()).map(|worker| (worker, work(relay.clone(), worker))).collect();
    let mut kills = 0;
    while pending(&client).await > 0 {
        tokio::time::sleep(Duration::from_millis(u64::try_from(20 + next(120)).unwrap())).await;
        if kills < most {
            let victim = usize::try_from(next(3)).unwrap();
            let worker = Uuid::new_v4();
            let (dead, task) = std::mem::replace(&mut workers[victim], (worker, work(relay.clone(), worker)));
            task.abort();
            kills += 1;
            // As if its lease had ended.
            let expire = "update outbox_events set claimed_until = now() where claimed_by = $1";
            client.execute(expire, &[&dead]).await.unwrap();
        }
    }
    for (_, task) in workers {
        task.abort();
    }
    assert!(kills >= most / 3, "{kills}");
    let events = stream(&ground, &run).await;
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), usize::try_from(count).unwrap());
    eprintln!("{} messages of {count} events in {kills} kills", events.len());
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for event in &events {
        let (key, sequence) = (event["data"]["key"].as_i64().unwrap(), event["data"]["sequence"].as_i64().unwrap());
        let newest = newest.entry(key).or_insert(-1);
        // A repeat is older; what is new is the next.
        assert!(sequence <= *newest + 1, "key {key}: {sequence} after {newest}");
        *newest = sequence.max(*newest);
    }
    assert!(newest.values().all(|&sequence| sequence == i64::from(count / KEYS - 1)));
}

#[tokio::test]
async fn while_the_broker_is_away_rows_stay_and_wait_longer_and_are_taken_up_when_it_returns() {
    let ground = alone().await;
    let (relay, client, _guard) = relay(&ground).await;
    let (run, worker) = (Uuid::new_v4().to_string(), Uuid::new_v4());
    enqueue(&client, &run, 1, 3).await;
    ground.stack.stop("redis").await.unwrap();
    let first =
        "select attempts, next_attempt_at, error_message, claimed_by is null, now() from outbox_events order by seq limit 1";
    let time = async || client.query_one("select now()", &[]).await.unwrap().get::<_, DateTime<Utc>>(0);
    for (attempts, wait) in [(1, 1), (2, 2), (3, 4), (4, 30), (5, 30)] {
        let before = time().await;
        // One key: only its oldest row may be tried.
        assert_eq!(relay.pass(worker).await.unwrap(), Pass { published: 0, failed: 1 });
        let row = client.query_one(first, &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), attempts);
        let (next, after, wait) = (row.get::<_, DateTime<Utc>>(1), row.get::<_, DateTime<Utc>>(4), TimeDelta::seconds(wait));
        assert!(next >= before + wait && next <= after + wait, "attempt {attempts}: {before} {next} {after}");
        assert!(!row.get::<_, String>(2).is_empty() && row.get::<_, bool>(3));
        // It is not tried before its time, and those behind it wait with it.
        assert_eq!(relay.pass(worker).await.unwrap(), Pass::default());
        client.execute("update outbox_events set next_attempt_at = now()", &[]).await.unwrap();
    }
    assert_eq!(pending(&client).await, 3);
    assert_eq!(relay.broker.known(relay.clock.now(), Duration::from_secs(60)), Some(false));
    // Parked for half a minute; a newer event of another key shows that the broker is back.
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(relay.clone().run(stopped));
    let begun = time().await;
    eventually("it is parked again", async || {
        let next = client.query_one(first, &[]).await.unwrap().get::<_, DateTime<Utc>>(1);
        (next > begun + TimeDelta::seconds(20)).then_some(())
    })
    .await;
    // For so long that only the word of the other one can wake it.
    client.execute("update outbox_events set next_attempt_at = now() + interval '1 hour' where attempts > 0", &[]).await.unwrap();
    ground.stack.start_part("redis").await.unwrap();
    ground.well().await;
    client
        .execute(
            "update outbox_events set key = key || '!', next_attempt_at = now() where seq = (select max(seq) from outbox_events)",
            &[],
        )
        .await
        .unwrap();
    all_published(&client).await;
    let left = client.query_one("select count(*) from outbox_events where error_message is not null", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    assert_eq!(stream(&ground, &run).await.len(), 3);
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn old_published_rows_are_removed_and_the_gauge_is_the_count() {
    let ground = shared().await;
    let (relay, client, _guard) = relay(&ground).await;
    let run = Uuid::new_v4().to_string();
    enqueue(&client, &run, 40, 40).await;
    let age = "update outbox_events set published_at = now() - make_interval(days => case when seq % 2 = 0 then 8 else 6 end)";
    client.execute(age, &[]).await.unwrap();
    enqueue(&client, &run, 7, 7).await;
    // Nobody may take them.
    client
        .execute("update outbox_events set next_attempt_at = now() + interval '1 hour' where published_at is null", &[])
        .await
        .unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(relay.clone().run(stopped));
    eventually("the gauge is the count", async || (relay.metrics.outbox_pending.get() == 7).then_some(())).await;
    let count = "select count(*) from outbox_events where published_at is not null";
    eventually("the old ones are gone", async || {
        (client.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 20).then_some(())
    })
    .await;
    client.execute("update outbox_events set next_attempt_at = now()", &[]).await.unwrap();
    all_published(&client).await;
    eventually("the gauge is the count", async || (relay.metrics.outbox_pending.get() == 0).then_some(())).await;
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn housekeeping_is_done_also_while_events_never_end() {
    let ground = shared().await;
    let (relay, client, _guard) = relay(&ground).await;
    let run = Uuid::new_v4().to_string();
    enqueue(&client, &run, 1, 1).await;
    client.execute("update outbox_events set published_at = now() - interval '8 days'", &[]).await.unwrap();
    // One key: a long chain of single rows, each found at once after the one before.
    enqueue(&client, &run, 1, 4_000).await;
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(relay.clone().run(stopped));
    let old = "select count(*) from outbox_events where published_at < now() - interval '7 days'";
    eventually("the old one is gone", async || (client.query_one(old, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(()))
        .await;
    assert!(pending(&client).await > 0, "the chain ended before anything was seen");
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn what_a_dead_worker_has_claimed_is_taken_after_its_lease_and_not_before() {
    let ground = shared().await;
    let (relay, client, _guard) = relay(&ground).await;
    let run = Uuid::new_v4().to_string();
    enqueue(&client, &run, 2, 2).await;
    let claim = "update outbox_events set claimed_by = gen_random_uuid(), claimed_until = now() + interval '3 seconds'
      where seq = (select min(seq) from outbox_events) returning claimed_until";
    let until: DateTime<Utc> = client.query_one(claim, &[]).await.unwrap().get(0);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(relay.clone().run(stopped));
    all_published(&client).await;
    let row = client.query_one("select min(published_at), max(published_at) from outbox_events", &[]).await.unwrap();
    assert!(row.get::<_, DateTime<Utc>>(0) < until && row.get::<_, DateTime<Utc>>(1) >= until);
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn a_batch_too_large_for_one_call_is_published_all_the_same() {
    let ground = shared().await;
    let (relay, client, _guard) = relay(&ground).await;
    let run = Uuid::new_v4().to_string();
    enqueue(&client, &run, 300, 300).await;
    // 300 times 100 KB is more than a sidecar takes at once.
    client
        .execute("update outbox_events set payload = payload || jsonb_build_object('text', repeat('x', 100000))", &[])
        .await
        .unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(relay.clone().run(stopped));
    all_published(&client).await;
    assert_eq!(stream(&ground, &run).await.len(), 300);
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn a_claim_reads_little_also_when_the_statistics_are_of_a_quiet_hour() {
    let ground = shared().await;
    let (_relay, client, _guard) = relay(&ground).await;
    let run = Uuid::new_v4().to_string();
    enqueue(&client, &run, 3_000, 3_000).await;
    client.execute("update outbox_events set published_at = now()", &[]).await.unwrap();
    client.batch_execute("vacuum analyze outbox_events").await.unwrap();
    enqueue(&client, &Uuid::new_v4().to_string(), 3_000, 3_000).await;
    let document = format!(r#"{{"worker":"{}","lease_seconds":20,"batch":500}}"#, Uuid::new_v4());
    let claim = include_str!("../../src/outbox/claim.sql").replace("$1", &format!("'{document}'"));
    let explained = client.query_one(&format!("explain (analyze, buffers, format json) {claim}"), &[]).await.unwrap();
    let plan: Value = explained.get(0);
    let (rows, pages) = (&plan[0]["Plan"]["Plans"], plan[0]["Plan"]["Shared Hit Blocks"].as_i64().unwrap());
    // Some twenty a row; compared with all others it would be hundreds.
    assert!(pages < 500 * 40, "{pages} pages were read for 500 rows: {rows}");
}
