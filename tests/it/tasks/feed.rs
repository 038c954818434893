//! The calendar feed: what a calendar program reads under an address that only its owner was told, as another program's parser understands it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use contracts::task::FEED_KEY;
use http::Method;
use icalendar::{Calendar, Component};
use serde_json::{Value, json};
use tests::database::Database;
use tests::zipkin::Trace;
use tests::{Answer, Person, Suite, eventually, story};
use uuid::Uuid;

/// Logs and spans are written in the background.
const SOON: Duration = Duration::from_secs(60);

/// Makes the person's feed, or replaces it, and gives its address.
async fn make(person: &Person) -> Result<String> {
    let made = person.send(Method::POST, "/tasks/feed", &[], None).await?.is(201)?.json();
    let shown = person.get("/tasks/feed").await?.is(200)?.json();
    ensure!(shown == json!({ "created_at": made["created_at"] }), "{shown} tells more, or less, than {made}");
    let url = made["url"].as_str().context("an address")?;
    let key = url.strip_prefix(&person.suite.url("/tasks/feed.ics?key=")).with_context(|| url.to_owned())?;
    ensure!(key.len() == 43, "256 bits are 43 characters: {url}");
    Ok(url.to_owned())
}

/// The secret of an address.
fn key_of(url: &str) -> Result<&str> {
    url.rsplit_once('=').map(|(_, key)| key).context("a key")
}

/// What anyone reads there.
async fn read(suite: &Suite, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let mut request = suite.client().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
}

/// The things of one kind, by what they are called: their properties.
fn things<'a, C: Component + 'a>(all: impl Iterator<Item = &'a C>) -> BTreeMap<String, BTreeMap<String, String>> {
    let properties = |thing: &C| thing.properties().iter().map(|(name, each)| (name.clone(), each.value().to_owned())).collect();
    all.map(|thing| (thing.get_summary().unwrap_or_default().to_owned(), properties(thing))).collect()
}

#[tokio::test]
async fn flow_a_calendar_program_reads_the_open_tasks_and_their_dates_and_hears_when_nothing_is_new() -> Result<()> {
    story(async |suite, person| {
        let title = "Dentist; \"10 %\" off, at Dr. Ö \\ Söhne";
        let description = format!("Two\nlines, {}", "and a long one; ".repeat(20).trim());
        let person = person.with_token(|claims| claims.zoneinfo = Some("Europe/Berlin".to_owned()))?;
        person.create_task(&json!({ "title": "Some day" })).await?;
        let body = json!({ "title": title, "description": description, "due_at": "2031-01-01T10:00:00+01:00", "tag_names": ["a", "b c"] });
        let dentist = person.create_task(&body).await?;
        let weekly = json!({ "pattern_type": "weekly", "interval": 1, "days_of_week": ["MO"], "end_type": "never" });
        let body = json!({ "title": "Standup", "due_at": "2031-03-24T09:30:00+01:00", "reminder_offset_minutes": 5, "recurrence_pattern": weekly });
        person.create_task(&body).await?;
        let done = person.create_task(&json!({ "title": "Taxes", "due_at": "2031-02-01T10:00:00Z" })).await?;
        person.complete(done.id).await?;
        let gone = person.create_task(&json!({ "title": "Gone", "due_at": "2031-02-01T10:00:00Z" })).await?;
        person.delete(&format!("/tasks/{}", gone.id)).await?.is(204)?;
        let long_done = json!([{ "description": "Long done", "status": "completed", "end": "20250101T000000Z", "due": "20250101T000000Z" }]);
        person.post("/tasks/import?format=taskwarrior", &long_done).await?.is(200)?;

        let url = make(&person).await?;
        let first = read(&suite, &url, &[]).await?;
        first.is(200)?;
        ensure!(first.header("content-type") == "text/calendar; charset=utf-8", "{:?}", first.headers);
        ensure!(first.header("cache-control").starts_with("private"), "{:?}", first.headers);
        ensure!(first.header("ratelimit-limit") == "6000", "it is limited as every open address: {:?}", first.headers);
        let calendar: Calendar = first.body.parse().map_err(|wrong: String| anyhow!("{wrong}: {}", first.body))?;
        for (name, value) in [("VERSION", "2.0"), ("REFRESH-INTERVAL", "PT15M"), ("X-PUBLISHED-TTL", "PT15M")] {
            ensure!(calendar.property_value(name) == Some(value), "{name}: {}", first.body);
        }
        let (todos, events) = (things(calendar.todos()), things(calendar.events()));
        let names = |things: &BTreeMap<String, _>| things.keys().cloned().collect::<BTreeSet<String>>();
        ensure!(names(&todos) == [title, "Some day", "Standup", "Taxes"].map(str::to_owned).into(), "{:?}", names(&todos));
        ensure!(names(&events) == [title, "Standup", "✓ Taxes"].map(str::to_owned).into(), "{:?}", names(&events));

        let says = |thing: &BTreeMap<String, String>, name: &str| thing.get(name).cloned().unwrap_or_default();
        let (todo, event) = (&todos[title], &events[title]);
        ensure!(says(todo, "DUE") == "20310101T090000Z" && says(event, "DTSTART") == "20310101T090000Z", "{todo:?} {event:?}");
        ensure!(says(todo, "DESCRIPTION") == description && says(event, "DESCRIPTION") == description, "{todo:?} {event:?}");
        ensure!(says(todo, "UID") != says(event, "UID") && says(event, "TRANSP") == "TRANSPARENT", "{todo:?} {event:?}");
        ensure!(says(&todos["Taxes"], "STATUS") == "COMPLETED" && says(&todos["Some day"], "STATUS") == "NEEDS-ACTION", "{todos:?}");
        for thing in [&todos["Standup"], &events["Standup"]] {
            // By the wall clock of its owner, so that it stays at half past nine when the clocks change a week later.
            ensure!(says(thing, "DTSTART") == "20310324T093000" && says(thing, "RRULE").contains("FREQ=WEEKLY"), "{thing:?}");
        }
        ensure!(first.body.contains("DTSTART;TZID=Europe/Berlin:") && first.body.contains("BEGIN:VTIMEZONE"), "{}", first.body);
        ensure!(!first.body.contains("VALARM"), "who is to be told is told by us: {}", first.body);
        ensure!(first.body.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{}", first.body);

        // Asked again it is the same, and not sent again; what changes is there the next time.
        let etag = first.header("etag").to_owned();
        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let again = read(&suite, &url, &[("if-none-match", &known)]).await?;
            again.is(304)?;
            ensure!(again.body.is_empty() && again.header("etag") == etag, "{known}: {again:?}");
        }
        person.patch(&format!("/tasks/{}", dentist.id), &json!({ "title": "Optician" })).await?.is(200)?;
        let changed = read(&suite, &url, &[("if-none-match", &etag)]).await?;
        ensure!(changed.is(200)?.body.contains("SUMMARY:Optician") && changed.header("etag") != etag, "{}", changed.body);

        // Taken in again by ourselves, each task is the one that it is, and no date becomes another.
        let own = person.send(Method::POST, "/tasks/import?format=ics", &[], Some(changed.body.into_bytes())).await?;
        let own = own.is(200)?.json();
        ensure!(own["created"] == 0 && own["exists"] == 4 && own["skipped"] == 3, "{own:#}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_feed_opens_to_its_own_key_alone_until_it_is_replaced_or_revoked() -> Result<()> {
    story(async |suite, person| {
        person.get("/tasks/feed").await?.is(404)?;
        person.delete("/tasks/feed").await?.is(404)?;
        person.create_task(&json!({ "title": "Mine alone" })).await?;
        let url = make(&person).await?;
        // Whatever else a calendar program writes beside the key.
        let read_it = read(&suite, &url.replace("?key", "?_=17&key"), &[]).await?;
        ensure!(read_it.is(200)?.body.contains("SUMMARY:Mine alone"), "{}", read_it.body);
        let another = suite.person()?;
        let theirs = read(&suite, &make(&another).await?, &[]).await?;
        ensure!(!theirs.is(200)?.body.contains("SUMMARY"), "another's feed shows another's tasks: {}", theirs.body);

        let key = key_of(&url)?;
        let database = Database::of(&suite).await?;
        let kept = "select count(*) from tasks.feeds f where user_id = $1 and position($2 in f::text) = 0";
        ensure!(database.count(kept, &[&person.user_id, &key]).await? == 1, "the key itself is kept");

        let replaced = make(&person).await?;
        ensure!(read(&suite, &replaced, &[]).await?.is(200)?.body == read_it.body, "the same tasks under the new address");
        person.delete("/tasks/feed").await?.is(204)?;
        let base = suite.url("/tasks/feed.ics");
        let swapped = |key: &str| key.chars().rev().collect::<String>();
        let mut refusals = BTreeSet::new();
        for (what, url) in [
            ("replaced", url.clone()),
            ("revoked", replaced.clone()),
            ("another", format!("{base}?key={}", swapped(key))),
            ("short", format!("{base}?key={}", &key[..42])),
            ("empty", format!("{base}?key=")),
            ("no header could hold it", format!("{base}?key=%0d%0a")),
            ("missing", base.clone()),
            ("by another name", format!("{base}?KEY={key}")),
        ] {
            let mut answer = read(&suite, &url, &[]).await?.is(404).with_context(|| what.to_owned())?.json();
            for own in ["instance", "trace_id", "correlation_id"] {
                answer[own] = Value::Null;
            }
            refusals.insert(answer.to_string());
        }
        ensure!(refusals.len() == 1, "the refusals tell one from another: {refusals:#?}");
        person.get("/tasks/feed").await?.is(404)?;

        // Only the gateway says whose key it is.
        let url = make(&person).await?;
        let key = key_of(&url)?;
        read(&suite, &base, &[(FEED_KEY, key)]).await?.is(404)?;
        suite.settled(&[another.tenant_id]).await
    })
    .await
}

#[tokio::test]
async fn contract_a_feeds_key_stands_in_no_log_line_and_in_no_span() -> Result<()> {
    story(async |suite, person| {
        let url = make(&person).await?;
        let key = key_of(&url)?;
        let zipkin = suite.stack().zipkin_url().context("Zipkin is on")?;
        let logs = suite.stack().run_dir().join("logs");
        person.delete("/tasks/feed").await?.is(204)?;
        // One key that opens and one that does not.
        let good = make(&person).await?;
        let keys = [key, key_of(&good)?];
        for (url, status) in [(&good, 200), (&url, 404)] {
            let trace_id = Uuid::new_v4().simple().to_string();
            let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
            read(&suite, url, &[("traceparent", &traceparent), ("x-correlation-id", &trace_id)]).await?.is(status)?;
            eventually("every span of the read is there", SOON, async || {
                let trace = Trace::read(&suite, &trace_id).await?;
                // What a sidecar says of the call is where the key would stand.
                let sidecars = |span: &&tests::zipkin::Span| span.tags.values().any(|tag| tag.contains("/tasks/feed.ics"));
                let (gateway, app) = (trace.find("gateway", "get /tasks/feed.ics"), trace.find("tasks", "get /tasks/feed.ics"));
                ensure!(gateway.is_some() && app.is_some(), "{}", trace.outline());
                ensure!(trace.spans.iter().any(|span| sidecars(&span)), "{:#?}", trace.spans);
                Ok(Some(()))
            })
            .await?;
            let said = suite.client().get(format!("{zipkin}/api/v2/trace/{trace_id}")).send().await?.text().await?;
            for key in keys {
                ensure!(!said.contains(key), "a span tells the key: {said}");
            }
            eventually("both doors have written their line", SOON, async || {
                let mut lines = BTreeSet::new();
                for entry in std::fs::read_dir(&logs)? {
                    let path = entry?.path();
                    let log = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    for key in keys {
                        ensure!(!log.contains(key), "{name} tells the key");
                    }
                    if log.lines().any(|line| line.contains(&trace_id) && line.contains("/tasks/feed.ics")) {
                        lines.insert(name);
                    }
                }
                let by = |app: &str| lines.iter().any(|name| name.starts_with(app));
                Ok((by("gateway") && by("tasks")).then_some(()))
            })
            .await?;
        }
        Ok(())
    })
    .await
}
