//! The log: found by every filter, kept for ninety days and longer than what it tells of, in the order in which things happened.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::database::Database;
use tests::{Person, Suite, eventually, metrics, story};

/// Soon after a change its row is there.
const SOON: Duration = Duration::from_secs(60);
/// Changes of one task, one right after the other.
const RAPID: i64 = 200;
/// Rows of the log that are past their time; more than two batches.
const OLD: i64 = 2_500;
/// Rows that one statement may remove.
const BATCH: i64 = 1_000;

/// What a filter is called in the query, its value, and the field of a row that it looks at.
struct Filter {
    name: &'static str,
    value: String,
    fits: Box<dyn Fn(&Value) -> bool>,
}

impl Filter {
    fn equal(name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        let wanted = value.clone();
        Self { name, value, fits: Box::new(move |row| row[name] == json!(wanted)) }
    }

    fn query(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// Rows of a page.
fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().cloned().unwrap_or_default()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

async fn logs(person: &Person, query: &str) -> Result<Value> {
    Ok(person.get(&format!("/audit-logs?{query}")).await?.is(200).with_context(|| query.to_owned())?.json())
}

/// A request under a correlation id of its own choice.
async fn under(person: &Person, correlation_id: &str, method: Method, path: &str, body: &Value) -> Result<Value> {
    let headers = [("x-correlation-id", correlation_id)];
    let answer = person.send(method, path, &headers, Some(body.to_string().into_bytes())).await?;
    ensure!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
    Ok(answer.json())
}

/// Makes a small history under two correlation ids, and gives its rows, newest first, when all are there.
async fn history(person: &Person, one: &str, two: &str) -> Result<Vec<Value>> {
    let body = json!({ "title": "Report", "due_at": "2031-01-01T10:00:00Z", "reminder_offset_minutes": 60 });
    let report = under(person, one, Method::POST, "/tasks", &body).await?;
    let path = format!("/tasks/{}", report["id"].as_str().context("id")?);
    under(person, two, Method::PATCH, &path, &json!({ "priority": "high" })).await?;
    let milk = under(person, two, Method::POST, "/tasks", &json!({ "title": "Milk" })).await?;
    let milk = format!("/tasks/{}/complete", milk["id"].as_str().context("id")?);
    under(person, one, Method::POST, &milk, &json!({})).await?;
    // Two tasks were made, one changed, one completed, and a reminder set.
    eventually("five rows are there", SOON, async || {
        let rows = items(&logs(person, "limit=100").await?);
        ensure!(rows.len() == 5, "{} rows", rows.len());
        Ok(Some(rows))
    })
    .await
}

#[tokio::test]
async fn contract_the_log_is_found_by_each_filter_and_by_each_pair() -> Result<()> {
    story(async |suite, person| {
        let (one, two) = (format!("one-{}", person.user_id), format!("two-{}", person.user_id));
        let all = history(&person, &one, &two).await?;
        ensure!(all.iter().all(|row| row["user_id"] == json!(person.user_id)), "own rows only: {all:?}");
        let times: Vec<&str> = all.iter().filter_map(|row| row["occurred_at"].as_str()).collect();
        ensure!(times.is_sorted_by(|newer, older| newer >= older), "newest first: {times:?}");

        let middle = times[2].to_owned();
        let (from, until) = (middle.clone(), middle.clone());
        let at = |row: &Value| row["occurred_at"].as_str().unwrap_or_default().to_owned();
        let filters = [
            Filter::equal("user_id", person.user_id),
            Filter::equal("entity_type", "task"),
            Filter::equal("entity_type", "reminder"),
            Filter::equal("entity_id", all[4]["entity_id"].as_str().context("entity_id")?),
            Filter::equal("action", "task.created"),
            Filter::equal("correlation_id", &one),
            Filter::equal("correlation_id", &two),
            Filter { name: "start", value: middle.clone(), fits: Box::new(move |row| at(row) >= from) },
            Filter { name: "end", value: middle, fits: Box::new(move |row| at(row) < until) },
        ];
        let mut narrowed = 0;
        for (number, first) in filters.iter().enumerate() {
            for second in filters[number..].iter().filter(|second| second.name != first.name || std::ptr::eq(*second, first)) {
                let alone = std::ptr::eq(first, second);
                let query = if alone { first.query() } else { format!("{}&{}", first.query(), second.query()) };
                let wanted: Vec<Value> = all.iter().filter(|row| (first.fits)(row) && (second.fits)(row)).cloned().collect();
                let page = logs(&person, &query).await?;
                ensure!(items(&page) == wanted && page["total"] == json!(wanted.len()), "{query}: {page}\nwanted {wanted:?}");
                narrowed += usize::from(!wanted.is_empty() && wanted.len() < all.len());
            }
        }
        ensure!(narrowed > 15, "only {narrowed} filters and pairs find some of the rows");

        let mut paged = Vec::new();
        for offset in [0, 2, 4, 6] {
            let page = logs(&person, &format!("limit=2&offset={offset}")).await?;
            ensure!(page["total"] == 5 && page["limit"] == 2 && page["offset"] == offset, "{page}");
            ensure!(page["has_more"] == json!(offset < 4), "{page}");
            paged.extend(items(&page));
        }
        ensure!(paged == all, "pages have no gap and no repeat: {:?} {:?}", ids(&paged), ids(&all));
        foreign(&suite, &person, &one, &two).await
    })
    .await
}

/// Another person's rows are refused to a person and shown to an operator.
async fn foreign(suite: &Suite, person: &Person, one: &str, two: &str) -> Result<()> {
    let other = suite.person()?;
    let theirs = history(&other, one, two).await?;
    let query = format!("user_id={}", other.user_id);
    for more in
        ["", "&entity_type=task", "&action=task.created", "&start=2026-01-01T00:00:00Z", &format!("&correlation_id={one}")]
    {
        let answer = person.get(&format!("/audit-logs?{query}{more}")).await?;
        ensure!(answer.is(403)?.json()["code"] == "forbidden", "{query}{more}: {}", answer.body);
    }
    // Filters that fit another person's rows find own ones only.
    let of_theirs = format!("entity_id={}", theirs[4]["entity_id"].as_str().unwrap_or_default());
    ensure!(logs(person, &of_theirs).await?["total"] == 0, "another person's task");
    let under_one = format!("correlation_id={one}&limit=100");
    let own = items(&logs(person, &under_one).await?);
    ensure!(!own.is_empty() && own.iter().all(|row| row["user_id"] == json!(person.user_id)), "{own:?}");

    let operator = suite.person()?.with_token(|claims| claims.scope = "user ops".to_owned())?;
    ensure!(items(&logs(&operator, &format!("{query}&limit=100")).await?) == theirs, "an operator sees another person's rows");
    let everyone = items(&logs(&operator, &under_one).await?);
    for user in [person.user_id, other.user_id] {
        ensure!(everyone.iter().any(|row| row["user_id"] == json!(user)), "an operator sees everyone's: {everyone:?}");
    }
    suite.settled(&[other.tenant_id]).await
}

/// Rows of the log cannot be made old by anybody who uses the suite, so the administrator writes them as they would have been written then.
#[tokio::test]
async fn contract_rows_of_the_log_go_after_ninety_days_in_batches_and_are_counted() -> Result<()> {
    story(async |suite, person| {
        let database = Database::of(&suite).await?;
        let written = "insert into audit.audit_logs (
                id, event_id, tenant_id, user_id, action, entity_type, entity_id, correlation_id, sequence, occurred_at, recorded_at)
            select gen_random_uuid(), gen_random_uuid(), $1, $2, 'task.created', 'task', gen_random_uuid(), age, 1, at, at
            from (select $3::text as age, now() - $3::text::interval as at from generate_series(1, $4::bigint)) aged";
        for (age, rows) in [("91 days", OLD), ("90 days 1 minute", 1), ("89 days 23:59:00", 1), ("89 days", 1)] {
            database.client().execute(written, &[&person.tenant_id, &person.user_id, &age, &rows]).await?;
        }
        let count = async |name: &str, labels: &[(&str, &str)]| metrics::total(&suite, "audit", name, labels).await;
        let deleted = count("audit_logs_deleted_total", &[]).await?;
        let statements = count("sidecar_calls_total", &[("name", "expire_logs"), ("result", "ok")]).await?;

        let audit = suite.stack().instance("audit", 0)?;
        let url = format!("http://127.0.0.1:{}/jobs/audit-retention", audit.app_port);
        let tick = async || {
            let request = suite.client().post(&url).header("dapr-api-token", &audit.app_api_token);
            anyhow::Ok(request.send().await?.error_for_status()?)
        };
        tick().await?;
        let left = items(&logs(&person, "limit=100").await?);
        let ages: Vec<&str> = left.iter().filter_map(|row| row["correlation_id"].as_str()).collect();
        ensure!(ages == ["89 days", "89 days 23:59:00"], "left: {ages:?}");
        let deleted = count("audit_logs_deleted_total", &[]).await? - deleted;
        ensure!(deleted == (OLD + 1) as f64, "{deleted} rows were counted");
        let statements = count("sidecar_calls_total", &[("name", "expire_logs"), ("result", "ok")]).await? - statements;
        ensure!(statements >= (OLD / BATCH + 1) as f64, "{OLD} rows went in {statements} statements");
        tick().await?;
        ensure!(items(&logs(&person, "limit=100").await?) == left, "a second tick finds nothing");

        // The clock itself asks here, once a day.
        let component = crate::workspace::root()?.join("components/common/audit-retention-cron.yaml");
        let component: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(component)?)?;
        let set = component["spec"]["metadata"].as_array().cloned().unwrap_or_default();
        let said = |name: &str| set.iter().find(|item| item["name"] == name).and_then(|item| item["value"].as_str());
        ensure!(url.ends_with(said("route").context("a route")?), "{set:?}");
        let fields: Vec<&str> = said("schedule").context("a schedule")?.split(' ').collect();
        let daily = fields.len() == 6 && fields[..3].iter().all(|at| at.parse::<u8>().is_ok()) && fields[3..] == ["*", "*", "*"];
        ensure!(daily, "once a day: {fields:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_rows_of_the_log_are_never_changed_and_outlive_their_task() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&json!({ "title": "Short-lived" })).await?;
        let path = format!("/tasks/{}", task.id);
        person.patch(&path, &json!({ "title": "Still short-lived" })).await?.is(200)?;
        person.complete(task.id).await?;
        person.delete(&path).await?.is(204)?;
        person.get(&path).await?.is(404)?;
        let actions = ["task.deleted", "task.completed", "task.updated", "task.created"];
        let rows = eventually("the whole life is told", SOON, async || {
            let rows = items(&logs(&person, &format!("entity_id={}", task.id)).await?);
            ensure!(rows.len() == actions.len(), "{} rows", rows.len());
            Ok(Some(rows))
        })
        .await?;
        ensure!(rows.iter().map(|row| row["action"].as_str().unwrap_or_default()).eq(actions), "{rows:?}");
        ensure!(rows[0]["before"]["title"] == "Still short-lived" && rows[0]["after"].is_null(), "{}", rows[0]);
        ensure!(rows[2]["before"]["title"] == "Short-lived" && rows[2]["after"]["title"] == "Still short-lived", "{}", rows[2]);
        ensure!(rows[3]["before"].is_null() && rows[3]["after"]["title"] == "Short-lived", "{}", rows[3]);

        let database = Database::of(&suite).await?;
        let edit = "update audit.audit_logs set action = 'nothing' where entity_id = $1";
        let refused = database.client().execute(edit, &[&task.id]).await;
        ensure!(refused.is_err(), "{refused:?} rows of the log were changed");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_two_hundred_rapid_changes_of_one_task_are_recorded_in_their_order() -> Result<()> {
    story(async |suite, person| {
        let task = person.create_task(&json!({ "title": "0" })).await?;
        let path = format!("/tasks/{}", task.id);
        for number in 1..=RAPID {
            person.patch(&path, &json!({ "title": number.to_string() })).await?.is(200)?;
        }
        let database = Database::of(&suite).await?;
        let rows = "select count(*) from audit.audit_logs where entity_id = $1";
        eventually("every change has its row", SOON * 2, async || {
            let rows = database.count(rows, &[&task.id]).await?;
            ensure!(rows == RAPID + 1, "{rows} rows");
            Ok(Some(()))
        })
        .await?;
        let mut told = Vec::new();
        for offset in [0, 100, 200] {
            told.extend(items(&logs(&person, &format!("entity_id={}&limit=100&offset={offset}", task.id)).await?));
        }
        let titles = told.iter().filter_map(|row| row["after"]["title"].as_str()).map(str::to_owned);
        ensure!(titles.eq((0..=RAPID).rev().map(|number| number.to_string())), "the log tells them newest first");

        // Redis hands out the entries of one batch side by side; Kafka keeps the order of a key, and the key is the task.
        if tests::suite::set()?.broker() == "kafka" {
            let recorded = "select jsonb_agg(sequence order by recorded_at, id) from audit.audit_logs where entity_id = $1";
            let recorded: Vec<i64> = serde_json::from_value(database.json(recorded, &[&task.id]).await?)?;
            ensure!(recorded.is_sorted(), "recorded as they came: {recorded:?}");
        }
        Ok(())
    })
    .await
}
