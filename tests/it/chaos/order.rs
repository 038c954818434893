//! Parts that start in any order find each other.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use tests::database::Database;
use tests::eventually;

use super::random::Random;
use super::{SOON, alone, options, say};

/// How many orders are tried.
const ORDERS: usize = 3;
/// How long an order may take to end healthy.
const HEALTHY: Duration = Duration::from_secs(30);
/// How long making the data folders of PostgreSQL and Kafka may take on a busy machine, before the first part is started.
const FOLDERS: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_parts_started_in_any_order_are_healthy_within_half_a_minute() -> Result<()> {
    let apps =
        ["identity", "tasks", "recurrence", "reminders", "notifications", "messaging", "realtime", "audit", "web", "gateway"];
    let (mut random, _) = Random::of_run("any order")?;
    for number in 0..ORDERS {
        let seed = random.below(1_000_000);
        let mut options = options("order", &apps)?;
        options.shuffle = Some(seed);
        // The first finds no data folders; the others find those it left.
        options.patience = if number == 0 { HEALTHY + FOLDERS } else { HEALTHY };
        let began = Instant::now();
        let works = async |suite: &tests::Suite| {
            say(&format!("order {seed}: healthy after {:?}", began.elapsed()));
            let task = suite.person()?.create_task(&json!({ "title": "a" })).await?;
            let database = Database::of(suite).await?;
            let sql = "select count(*) from audit.audit_logs where entity_id = $1 and action = 'task.created'";
            eventually("the audit row is there", SOON, async || Ok((database.count(sql, &[&task.id]).await? == 1).then_some(())))
                .await
        };
        alone(options, works).await.with_context(|| format!("order {seed}"))?;
    }
    Ok(())
}
