//! How long an event is on its way at 200 events a second: from the statement that caused it to its subscriber.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::json;
use tests::eventually;
use tests::person::Person;

use crate::ground::Ground;
use crate::machine::spent;
use crate::report::{Goal, Report};

/// Every create makes two events: one for the other apps, one for open pages.
const CREATES_A_SECOND: u32 = 100;
/// The first seconds make connections and plans; their events are another person's and do not count.
const WARM: u32 = 3 * CREATES_A_SECOND;
const COUNTED: u32 = 15 * CREATES_A_SECOND;

/// `recorded_at` is when audit began to handle the event, `created_at` when the statement began that made it: a little before its commit.
/// `published_at` is when the relay knew that the broker has it: what comes before is the relay's, what comes after the broker's and the
/// subscriber's.
const WAY: &str = "select jsonb_agg(share) from (select unnest(
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from a.recorded_at - o.created_at) * 1000) ||
      array[percentile_cont(0.5) within group (order by extract(epoch from o.published_at - o.created_at) * 1000),
            percentile_cont(0.5) within group (order by extract(epoch from a.recorded_at - o.published_at) * 1000)]) as share
  from tasks.outbox_events o join audit.audit_logs a on a.event_id = o.id
  where o.payload -> 'metadata' ->> 'user_id' = $1) shares";
const ARRIVED: &str = "select count(*) from audit.audit_logs where user_id::text = $1";

/// Measures.
///
/// # Errors
/// When an event does not arrive.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    create(ground, &Person::new(ground.suite.clone())?, WARM).await?;
    let person = Person::new(ground.suite.clone())?;
    let user = person.user_id.to_string();
    let before = spent(ground.stack())?;
    create(ground, &person, COUNTED).await?;
    let all = async || Ok((ground.database.count(ARRIVED, &[&user]).await? >= i64::from(COUNTED)).then_some(()));
    eventually("every event has arrived", Duration::from_secs(30), all).await?;
    let times: Vec<f64> = serde_json::from_value(ground.database.json(WAY, &[&user]).await?)?;
    let [p50, p95, p99, relay, rest] = times[..] else { anyhow::bail!("five shares of the times: {times:?}") };
    let broker = crate::report::broker(ground.set);
    let detail = format!(
        "{COUNTED} creates at {CREATES_A_SECOND} a second, two events each; p95 {p95:.1} ms; p50 to the broker's word {relay:.1} ms, from there {rest:.1} ms"
    );
    report.add(format!("outbox commit → subscriber, {broker}, p50"), p50, " ms", Goal::Most(25.0), detail);
    report.add(format!("outbox commit → subscriber, {broker}, p99"), p99, " ms", Goal::Most(100.0), "the same events");
    let mut costs: Vec<(String, f64)> = before
        .into_iter()
        .zip(spent(ground.stack())?)
        .map(|((part, before), (_, after))| (part, after.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(COUNTED)))
        .collect();
    costs.sort_by(|one, other| other.1.total_cmp(&one.1));
    let whole = costs.iter().map(|(_, cost)| cost).sum();
    let shown: Vec<String> = costs.iter().map(|(part, cost)| format!("{part} {cost:.0}")).collect();
    report.add(format!("CPU a create with all that follows it, {broker}"), whole, " µs", Goal::None, shown.join(", "));
    Ok(())
}

/// Open loop: the next create does not wait for the one before.
async fn create(ground: &Ground, person: &Person, count: u32) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/tasks", ground.instance("tasks")?.app_port);
    let begun = tokio::time::Instant::now();
    let one = async |number: u32| -> Result<()> {
        tokio::time::sleep_until(begun + Duration::from_secs(1) * number / CREATES_A_SECOND).await;
        let request = ground.suite.client().request(Method::POST, &url).bearer_auth(&person.token);
        let response = request.json(&json!({ "title": format!("Submit report {number}") })).send().await?;
        ensure!(response.status() == 201, "{}", response.status());
        Ok(())
    };
    try_join_all((0..count).map(one)).await.map(drop)
}
