//! A hundred people at once, and Prometheus beside them: what the dashboards say is what the people saw.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use tests::database::Database;
use tests::{Suite, eventually};

use crate::monitoring::{asked, number, panel};

const PEOPLE: usize = 100;
/// Each asks as often; the last time for something that fails.
const REQUESTS: usize = 12;
/// Two scrapes are 10 s; the third is the time of asking on a busy machine.
const SEEN: Duration = Duration::from_secs(15);
/// Prometheus reads a rate from samples 5 s apart, and carries on to the ends of its minute what it saw between them.
const NEARLY: f64 = 0.25;
/// Where the buckets of a request's time end, in seconds (crates/service/src/metrics.rs).
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0];
/// What fails in these people's requests: nothing else is called so.
const POISON: &str =
    "create function tasks.poison() returns trigger language plpgsql as $$ begin raise exception 'the ink is dry'; end $$;
  create trigger poison before insert on tasks.tasks for each row when (new.title = 'bad') execute function tasks.poison()";

/// Status and time of a request, as the person saw it.
type Seen = (u16, Duration);

/// A hundred people ask and Prometheus is asked: how often, how long, how many failed. Seen red: a kind of answer that was new during the
/// load, of which a rate misses the first.
pub(super) async fn a_hundred_people_are_seen(suite: &Suite) -> Result<()> {
    Database::of(suite).await?.client().batch_execute(POISON).await?;
    let all = "sum(http_requests_total{app=\"gateway\", route=\"/tasks\"})";
    let failed = "sum(http_requests_total{app=\"gateway\", route=\"/tasks\", status=~\"5..\"})";
    let counted = async |statuses: &[u16]| {
        let (all, failed) = (number(suite, all).await?, number(suite, failed).await?);
        let bad = statuses.iter().filter(|status| **status >= 500).count();
        ensure!((all, failed) == (statuses.len() as f64, bad as f64), "{all}, of them {failed} failed: {statuses:?}");
        Ok(Some(()))
    };
    let mut statuses = one_of_each(suite).await?;
    eventually("the first requests are counted", SEEN, async || counted(&statuses).await).await?;

    let seen: Vec<Seen> = try_join_all((0..PEOPLE).map(|_| one_person(suite))).await?.concat();
    let ended = Instant::now();
    // After a few in a row the gateway does not ask tasks for a second, and says 503 to whoever comes.
    let bad = seen.iter().filter(|(status, _)| *status >= 500).count();
    ensure!(seen.len() == PEOPLE * REQUESTS && bad >= PEOPLE / 2, "{bad} of {} failed", seen.len());
    ensure!(seen.iter().all(|(status, _)| *status == 200 || *status >= 500), "{seen:?}");

    statuses.extend(seen.iter().map(|(status, _)| *status));
    eventually("every request is counted within two scrapes", SEEN, async || counted(&statuses).await).await?;
    super::say(&format!("a hundred people were seen after {:.1} s", ended.elapsed().as_secs_f64()));

    // The panels' own queries, over a minute in which nothing else happened.
    let rate = shown(suite, "Requests a second").await? * 60.0;
    ensure!((rate / seen.len() as f64 - 1.0).abs() < NEARLY, "{rate} a minute, {} were sent", seen.len());
    let share = shown(suite, "Requests that fail").await?;
    let wanted = bad as f64 / seen.len() as f64;
    ensure!((share / wanted - 1.0).abs() < NEARLY, "{share} fail, it were {wanted}");
    let mut times: Vec<f64> = seen.iter().map(|(_, took)| took.as_secs_f64()).collect();
    times.sort_unstable_by(f64::total_cmp);
    for (title, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let shown = shown(suite, &format!("Time of a request, {title}")).await?;
        let own = times[(times.len() as f64 * share) as usize];
        super::say(&format!("{title}: {:.0} ms by the panel, {:.0} ms by the people", shown * 1000.0, own * 1000.0));
        // The gateway needs no longer than the people wait, who wait for the way there, too; a panel knows it as well as the buckets do.
        let most = BUCKETS.into_iter().find(|bound| *bound >= own).unwrap_or(f64::INFINITY);
        ensure!(shown <= most && shown > own / 10.0, "{title}: {shown} s by the panel, {own} s by the people");
    }
    Ok(())
}

/// What a panel of the dashboard shows of the gateway.
async fn shown(suite: &Suite, title: &str) -> Result<f64> {
    let query = panel("System health", title)?;
    let data = asked(suite, "query", &[("query", &query)]).await?;
    let series = data["result"].as_array().context("series")?.iter().find(|series| series["metric"]["app"] == "gateway");
    let value = series.and_then(|series| series["value"][1].as_str()).with_context(|| format!("{query}: {data}"))?;
    Ok(value.parse()?)
}

/// What is new at a scrape has no rate yet: each answer is there before the people come, also the gateway's own to whoever comes while it
/// leaves tasks alone, which it does after a few failures in a row. Gives the answers.
async fn one_of_each(suite: &Suite) -> Result<Vec<u16>> {
    let person = suite.person()?;
    let mut statuses = vec![person.get("/tasks").await?.status.as_u16()];
    while statuses.last() != Some(&503) {
        ensure!(statuses.len() < 20, "tasks is never left alone: {statuses:?}");
        statuses.push(person.post("/tasks", &json!({ "title": "bad" })).await?.status.as_u16());
    }
    statuses.push(person.get("/tasks").await?.status.as_u16());
    ensure!(statuses.first() == Some(&200) && statuses.last() == Some(&503) && statuses.contains(&500), "{statuses:?}");
    eventually("tasks is asked again", SEEN, async || {
        let status = person.get("/tasks").await?.status.as_u16();
        statuses.push(status);
        Ok((status == 200).then_some(()))
    })
    .await?;
    Ok(statuses)
}

async fn one_person(suite: &Suite) -> Result<Vec<Seen>> {
    let person = suite.person()?;
    let mut seen = Vec::new();
    for number in 0..REQUESTS {
        let began = Instant::now();
        let answer = if number + 1 < REQUESTS {
            person.get("/tasks").await?.status.as_u16()
        } else {
            person.post("/tasks", &json!({ "title": "bad" })).await?.status.as_u16()
        };
        seen.push((answer, began.elapsed()));
    }
    Ok(seen)
}
