//! Lists of somebody with 100,000 tasks among a million: through the gateway, against the same statement in pgbench.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use contracts::task::{Priority, Status};
use tasks::filter::Filter;
use tests::many;
use tests::person::Person;

use crate::ground::Ground;
use crate::report::{Goal, Report};
use crate::stats::Samples;

/// Tasks of the one person, and of all.
const OWN: i64 = 100_000;
const ALL: i64 = 1_000_000;
/// Requests of each kind, one after the other.
const REQUESTS: usize = 200;
/// TSK-807, in milliseconds.
const MOST: f64 = 100.0;

/// Makes the tasks and measures.
///
/// # Errors
/// When a request fails.
pub async fn measure(ground: &Ground, report: &mut Report) -> Result<()> {
    let person = ground.suite.person()?;
    let client = ground.database.client();
    client.batch_execute("set search_path = tasks").await?;
    many::fill(client, person.user_id, OWN, ALL).await?;
    client.batch_execute("vacuum analyze tasks").await?;
    let plain = many::plain(person.user_id);
    let (todo, high) = (Some(vec![Status::Todo]), Some(vec![Priority::High]));
    let searched = Filter { search: many::search("coffee"), status: todo, priority: high, ..plain.clone() };
    let sorted = |keys: &[&str]| Filter { sort: keys.iter().map(|key| (*key).to_owned()).collect(), ..plain.clone() };
    for (what, query, filter, index, goal) in [
        (
            "search with two filters",
            "?search=coffee&status=todo&priority=high",
            &searched,
            "Bitmap Index Scan tasks_search",
            Goal::Most(MOST),
        ),
        ("newest", "", &plain, "Index Only Scan tasks_newest", Goal::None),
        ("earliest due", "?sort=due_date_asc", &sorted(&["due_date_asc"]), "Index Scan tasks_by_due", Goal::None),
        ("latest due", "?sort=due_date_desc", &sorted(&["due_date_desc"]), "Index Scan tasks_by_due_latest", Goal::None),
        ("priority, then due", "?sort=priority_desc,due_date_asc", &sorted(&["priority_desc", "due_date_asc"]), "", Goal::None),
        ("by title", "?sort=title_asc", &sorted(&["title_asc"]), "", Goal::None),
    ] {
        let steps = many::steps(client, filter).await?;
        ensure!(index.is_empty() || steps.contains(index), "{what} does not follow {index}: {steps:?}");
        let samples = through_the_gateway(&person, query).await?;
        let alone = pgbench(ground, filter).await?;
        let detail = format!(
            "p50 {:.1} ms through the gateway, {alone:.1} ms on average in pgbench, one caller; {}",
            samples.at(0.5),
            by(index)
        );
        report.add(format!("{what}, 100,000 of 1,000,000 tasks, p95"), samples.at(0.95), " ms", goal, detail);
        report.add(format!("{what}, gateway ÷ pgbench"), samples.at(0.5) / alone, "", Goal::None, "");
    }
    Ok(())
}

fn by(index: &str) -> String {
    let name = index.rsplit(' ').next().unwrap_or_default();
    if name.is_empty() { "reads all of the person's tasks".to_owned() } else { format!("follows {name}") }
}

async fn through_the_gateway(person: &Person, query: &str) -> Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..REQUESTS {
        let began = Instant::now();
        person.list(query).await?;
        samples.add(began.elapsed());
    }
    Ok(samples)
}

/// The average of the same statement, sent to the database by its own load generator, in milliseconds.
async fn pgbench(ground: &Ground, filter: &Filter) -> Result<f64> {
    let (statement, document) = many::sent(filter)?;
    let file = ground.stack().run_dir().join("list.sql");
    let document = format!("'{}'", document.to_string().replace('\'', "''"));
    std::fs::write(&file, format!("{};\n", statement.text.replace("$1", &document)))?;
    let mut command = tokio::process::Command::new("pgbench");
    command.args(["--no-vacuum", "--client=1", "--file"]).arg(&file).arg(format!("--transactions={REQUESTS}"));
    command.arg(ground.stack().postgres_url()).env("PGOPTIONS", "-c search_path=tasks");
    let output = command.output().await.context("pgbench, of the package postgresql")?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(said, "{}", String::from_utf8_lossy(&output.stderr))?;
    ensure!(output.status.success(), "pgbench: {said}");
    let average = said.lines().find_map(|line| line.strip_prefix("latency average = ")?.strip_suffix(" ms")?.parse().ok());
    average.with_context(|| format!("pgbench said no average: {said}"))
}
