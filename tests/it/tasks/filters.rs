//! Filters: alone and together they let through what a reference lets through; bounds of dates and pages.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::task::{Priority, Status, Task};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tests::{Person, story};
use uuid::Uuid;

use crate::chaos::random::Random;

/// A filter as it is sent, and what it says of a task.
type Filter = (&'static str, fn(&Task) -> bool);

/// Enough that every combination lets some through.
const TASKS: usize = 120;

const FILTERS: [Filter; 6] = [
    ("search=report", |task| format!("{} {}", task.title, task.description.as_deref().unwrap_or_default()).contains("report")),
    ("status=todo,in_progress", |task| task.status != Status::Completed),
    ("priority=high,medium", |task| task.priority != Priority::Low),
    ("tags=work,urgent", |task| ["work", "urgent"].iter().all(|name| task.tags.iter().any(|tag| tag == name))),
    ("due_date_start=2031-01-03", |task| task.due_at.is_some_and(|due| due >= at("2031-01-03T00:00:00Z"))),
    ("due_date_end=2031-01-08", |task| task.due_at.is_some_and(|due| due < at("2031-01-09T00:00:00Z"))),
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_default()
}

/// Tasks of every kind, the same in each run.
async fn varied(person: &Person) -> Result<Vec<Task>> {
    let mut random = Random::new(805);
    let mut bodies = Vec::new();
    for number in 0..TASKS {
        let mut one = |of: &[&'static str]| of[random.below(of.len() as u64) as usize];
        let (title, status) =
            (one(&["a report", "b", "c report", "d report"]), one(&["todo", "in_progress", "todo", "completed"]));
        let (priority, description) = (one(&["high", "medium", "low"]), one(&["", "the report", "e", "f"]));
        let tags: Vec<&str> = ["work", "urgent", "home"].into_iter().filter(|_| random.below(4) > 0).collect();
        let due = (random.below(5) > 0).then(|| at("2031-01-01T00:00:00Z") + TimeDelta::hours(random.below(10 * 24) as i64));
        bodies.push(json!({
            "title": format!("{title} {number}"), "description": description, "status": status, "priority": priority, "tag_names": tags, "due_at": due,
        }));
    }
    stream::iter(bodies.iter().map(|body| person.create_task(body))).buffered(8).try_collect().await
}

#[tokio::test]
async fn contract_all_sixty_four_combinations_of_filters_are_those_of_a_reference() -> Result<()> {
    story(async |_, person| {
        let tasks = varied(&person).await?;
        for mask in 0..1_u32 << FILTERS.len() {
            let chosen: Vec<&Filter> =
                FILTERS.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, each)| each).collect();
            let query: Vec<&str> = chosen.iter().map(|(query, _)| *query).collect();
            let query = format!("?limit=100&{}", query.join("&"));
            let expected: BTreeSet<Uuid> =
                tasks.iter().filter(|task| chosen.iter().all(|(_, passes)| passes(task))).map(|task| task.id).collect();
            let (first, second) = (person.list(&query).await?, person.list(&format!("{query}&offset=100")).await?);
            let found: BTreeSet<Uuid> = first.items.iter().chain(&second.items).map(|task| task.id).collect();
            ensure!(found == expected, "{query}: {} found, {} expected", found.len(), expected.len());
            ensure!(
                (first.total, second.total) == (expected.len() as i64, expected.len() as i64),
                "{query}: total {}",
                first.total
            );
            ensure!(!expected.is_empty() && (mask == 0 || expected.len() < TASKS), "{query} tells nothing: {}", expected.len());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_status_is_one_or_several_and_an_empty_filter_is_none() -> Result<()> {
    story(async |_, person| {
        for (title, status) in [("a", "todo"), ("b", "in_progress"), ("c", "completed"), ("d", "todo")] {
            person.create_task(&json!({ "title": title, "status": status, "due_at": "2031-01-01T00:00:00Z" })).await?;
        }
        for (query, expected) in [
            ("status=todo", "ad"),
            ("status=in_progress", "b"),
            ("status=completed", "c"),
            ("status=todo,completed", "acd"),
            ("status=todo&status=completed", "acd"),
            ("status=incomplete", "abd"),
            ("status=incomplete,todo", "abd"),
            ("status=%20todo%20,%20todo", "ad"),
            ("status=todo,in_progress,completed", "abcd"),
            ("status=", "abcd"),
            ("status=,", "abcd"),
            ("status=&priority=&tags=&tags_match=&search=&due_date_start=&due_date_end=&sort=", "abcd"),
            ("status=%20&search=%20", "abcd"),
        ] {
            let page = person.list(&format!("?{query}")).await?;
            let mut found: Vec<&str> = page.items.iter().map(|task| task.title.as_str()).collect();
            found.sort_unstable();
            ensure!(found.concat() == expected && page.total == expected.len() as i64, "{query}: {found:?}");
        }
        for query in ["status=TODO", "status=done", "status=todo,done", "status=todo;completed"] {
            ensure!(person.get(&format!("/tasks?{query}")).await?.is(422)?.fields() == ["status"], "{query}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_both_bounds_of_a_date_are_inclusive_and_a_day_is_its_owners() -> Result<()> {
    story(async |_, person| {
        // The moments around 9 March 2031 in New York, a day of 23 hours, and in Kolkata; and one that is never due.
        let moments = [
            "2031-03-08T18:29:59.999999Z",
            "2031-03-08T18:30:00Z",
            "2031-03-09T04:59:59.999999Z",
            "2031-03-09T05:00:00Z",
            "2031-03-09T18:29:59.999999Z",
            "2031-03-09T18:30:00Z",
            "2031-03-10T03:59:59.999999Z",
            "2031-03-10T04:00:00Z",
        ];
        for (number, moment) in moments.iter().enumerate() {
            person.create_task(&json!({ "title": number.to_string(), "due_at": moment })).await?;
        }
        person.create_task(&json!({ "title": "never" })).await?;
        let (new_york, kolkata) = ("America/New_York", "Asia/Kolkata");
        for (zone, query, expected) in [
            (new_york, "due_date_start=2031-03-09&due_date_end=2031-03-09", "3456"),
            (kolkata, "due_date_start=2031-03-09&due_date_end=2031-03-09", "1234"),
            (new_york, "due_date_start=2031-03-09", "34567"),
            (new_york, "due_date_end=2031-03-09", "0123456"),
            (kolkata, "due_date_start=2031-03-09", "1234567"),
            (kolkata, "due_date_end=2031-03-08", "0"),
            (new_york, "due_date_start=2031-03-09T05:00:00Z&due_date_end=2031-03-09T05:00:00Z", "3"),
            (new_york, "due_date_start=2031-03-09T00:00:00-05:00&due_date_end=2031-03-09T23:59:59.999999-04:00", "3456"),
            (kolkata, "due_date_start=2031-03-09T00:00:00%2B05:30&due_date_end=2031-03-10T00:00:00%2B05:30", "12345"),
            (new_york, "due_date_start=2031-03-09T05:00:00.000001Z&due_date_end=2031-03-09T18:29:59.999998Z", ""),
            (kolkata, "due_date_start=1970-01-01&due_date_end=9998-12-31", "01234567"),
        ] {
            let there = person.with_token(|claims| claims.zoneinfo = Some(zone.to_owned()))?;
            let page = there.list(&format!("?{query}&sort=due_date_asc")).await?;
            let found: Vec<&str> = page.items.iter().map(|task| task.title.as_str()).collect();
            ensure!(found.concat() == expected, "{zone} {query}: {found:?}");
        }
        for query in [
            "due_date_start=2031-03-10&due_date_end=2031-03-09",
            "due_date_start=2031-03-09T05:00:00Z&due_date_end=2031-03-09T04:59:59.999999Z",
        ] {
            ensure!(person.get(&format!("/tasks?{query}")).await?.is(422)?.fields() == ["due_date_end"], "{query}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_page_has_twenty_tasks_unless_it_says_one_to_a_hundred() -> Result<()> {
    story(async |_, person| {
        let bodies: Vec<_> = (0..101).map(|number| json!({ "title": format!("Task {number}") })).collect();
        let made: Vec<Task> = stream::iter(bodies.iter().map(|body| person.create_task(body))).buffered(8).try_collect().await?;
        for (query, count, has_more) in [
            ("", 20, true),
            ("?limit=1", 1, true),
            ("?limit=100", 100, true),
            ("?limit=100&offset=1", 100, false),
            ("?offset=81", 20, false),
            ("?offset=80", 20, true),
            ("?offset=100", 1, false),
            ("?offset=101", 0, false),
            ("?offset=1000000", 0, false),
            ("?limit=100&search=task&offset=101", 0, false),
        ] {
            let page = person.list(query).await?;
            ensure!(
                (page.items.len(), page.has_more, page.total) == (count, has_more, made.len() as i64),
                "{query}: {} items",
                page.items.len()
            );
        }
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=", "limit"),
            ("limit=1.5", "limit"),
            ("offset=-1", "offset"),
            ("offset=1000001", "offset"),
        ] {
            ensure!(person.get(&format!("/tasks?{query}")).await?.is(422)?.fields() == [field], "{query}");
        }
        Ok(())
    })
    .await
}
