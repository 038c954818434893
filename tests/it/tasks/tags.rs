//! Tags: one name is one tag whatever its letter case, listed by use, counted right after whatever happens to the tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::{Person, eventually, story};
use uuid::Uuid;

use crate::chaos::random::Random;

/// A successor comes in some seconds, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// Changes of tasks between the first and the last count.
const CHANGES: u64 = 120;

/// Names and counts of a list of tags, in its order.
async fn listed(person: &Person, query: &str) -> Result<Vec<(String, i64)>> {
    let tags = person.get(&format!("/tags{query}")).await?.is(200)?.json();
    let tag = |tag: &Value| Some((tag["name"].as_str()?.to_owned(), tag["usage_count"].as_i64()?));
    tags.as_array().context("a list")?.iter().map(|each| tag(each).with_context(|| each.to_string())).collect()
}

/// How many of the person's tasks bear each tag.
async fn counted(person: &Person) -> Result<BTreeMap<String, i64>> {
    let mut counts = BTreeMap::new();
    for page in 0.. {
        let page = person.list(&format!("?limit=100&offset={}", page * 100)).await?;
        for tag in page.items.into_iter().flat_map(|task| task.tags) {
            *counts.entry(tag).or_default() += 1;
        }
        if !page.has_more {
            break;
        }
    }
    Ok(counts)
}

#[tokio::test]
async fn contract_one_name_in_any_letters_is_one_tag() -> Result<()> {
    story(async |_, person| {
        for names in
            [["Work", "work", "WORK", " wOrk "], ["Äpfel", "ÄPFEL", "äpfel", "äPFEL"], ["ОТЧЁТ", "отчёт", "Отчёт", "ОтчЁт"]]
        {
            let twins = names.iter().cycle().take(12).map(|name| {
                let body = json!({ "name": name });
                let person = person.clone();
                async move { person.post("/tags", &body).await }
            });
            let answers = try_join_all(twins).await?;
            let made: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).filter(|status| *status != 200).collect();
            ensure!(made == [201], "one of the twins makes it: {made:?}");
            let tags: BTreeSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
            ensure!(tags.len() == 1, "{names:?} became {tags:?}");
            let trimmed = |answer: &tests::Answer| answer.json()["name"].as_str().is_some_and(|name| name.trim() == name);
            ensure!(answers.iter().all(trimmed), "names are trimmed");
        }
        ensure!(listed(&person, "").await?.len() == 3, "three tags");
        let name = |name: &str| json!({ "name": name });
        person.post("/tags", &name(&"ä".repeat(50))).await?.is(201)?;
        for refused in [name(&"ä".repeat(51)), name(" "), name("a,b")] {
            ensure!(person.post("/tags", &refused).await?.is(422)?.fields() == ["name"], "{refused}");
        }
        // The first of a task counts as it was written; who writes it otherwise later means the same.
        let task = person.create_task(&json!({ "title": "a", "tag_names": ["äPfel", "new", "NEW", " new "] })).await?;
        let spelled: BTreeSet<&str> = task.tags.iter().map(String::as_str).collect();
        ensure!(spelled.len() == 2 && spelled.contains("new"), "{spelled:?}");
        ensure!(person.get(&format!("/tasks/{}", task.id)).await?.expect::<Task>(200)? == task, "read back as answered");
        ensure!(person.list("?tags=ÄPFEL").await?.total == 1, "found in any letters");
        let path = format!("/tasks/{}", task.id);
        person.patch(&path, &json!({ "tag_names": [] })).await?.is(200)?;
        ensure!(counted(&person).await?.is_empty(), "an empty list clears");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_tasks_made_at_once_with_the_same_new_tag_share_it() -> Result<()> {
    story(async |suite, person| {
        let creates = (0..10).map(|number| {
            let person = person.clone();
            let names = if number % 2 == 0 { ["Fresh", "other"] } else { ["other", "FRESH"] };
            async move { person.create_task(&json!({ "title": format!("Task {number}"), "tag_names": names })).await }
        });
        let made = try_join_all(creates).await?;
        let mut tags = listed(&person, "").await?;
        tags.sort();
        let fresh = tags.first().map(|(name, _)| name.clone()).unwrap_or_default();
        ensure!(fresh.to_lowercase() == "fresh" && tags == [(fresh, 10), ("other".to_owned(), 10)], "{tags:?}");
        let database = tests::database::Database::of(&suite).await?;
        let rows = "select count(*) from tasks.tags where user_id = $1";
        ensure!(database.count(rows, &[&person.user_id]).await? == 2, "two rows");
        ensure!(person.list("?tags=fresh,other").await?.total == made.len() as i64, "all bear both");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_tags_that_begin_with_the_text_come_first_then_the_most_used() -> Result<()> {
    story(async |_, person| {
        // A hundred tags; number n is on n % 10 tasks, and every other one begins with what is searched.
        let name = |number: i64| if number % 2 == 0 { format!("Work {number:02}") } else { format!("{number:02} at work") };
        for level in 1..10 {
            let borne: Vec<String> = (0..100).filter(|number| number % 10 >= level).map(name).collect();
            for names in borne.chunks(20) {
                person.create_task(&json!({ "title": "a", "tag_names": names })).await?;
            }
        }
        for number in (0..100).step_by(10) {
            person.post("/tags", &json!({ "name": name(number) })).await?.is(201)?;
        }
        let mut expected: Vec<(String, i64)> = (0..100).map(|number| (name(number), number % 10)).collect();
        expected.sort_by_key(|(name, used)| (-used, name.to_lowercase()));
        let by_use = listed(&person, "?limit=100").await?;
        ensure!(by_use == expected, "by use: {by_use:?}");
        ensure!(listed(&person, "").await? == expected[..20], "twenty unless it says more");
        ensure!(listed(&person, "?limit=1&search=").await? == expected[..1], "an empty text is none");
        expected.sort_by_key(|(name, used)| (!name.starts_with("Work"), -used, name.to_lowercase()));
        for text in ["work", "WORK", "%20wOrk%20"] {
            let found = listed(&person, &format!("?limit=100&search={text}")).await?;
            ensure!(found == expected, "{text}: {found:?}");
        }
        ensure!(listed(&person, "?limit=60&search=work").await? == expected[..60], "a shorter list has the first of them");
        ensure!(
            listed(&person, "?search=%25").await?.is_empty() && listed(&person, "?search=_").await?.is_empty(),
            "no patterns"
        );
        ensure!(listed(&person, "?search=17").await? == [("17 at work".to_owned(), 7)], "one");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_a_tag_is_counted_right_after_whatever_happened_to_its_tasks() -> Result<()> {
    story(async |suite, person| {
        let names = ["red", "green", "blue", "Ärger", "work", "home", "later"];
        let mut random = Random::new(704);
        let mut some = || names.into_iter().filter(|_| random.below(3) == 0).collect::<Vec<_>>();
        let mut tasks: Vec<Uuid> = Vec::new();
        for number in 0..25 {
            tasks.push(person.create_task(&json!({ "title": format!("Task {number}"), "tag_names": some() })).await?.id);
        }
        let mut random = Random::new(7);
        for _ in 0..CHANGES {
            let id = tasks[random.below(tasks.len() as u64) as usize];
            let path = format!("/tasks/{id}");
            match random.below(6) {
                0 => tasks.push(person.create_task(&json!({ "title": "more", "tag_names": some() })).await?.id),
                1 => drop(person.delete(&path).await?),
                2 => drop(person.post(&format!("{path}/restore"), &json!({})).await?.is(200)?),
                3 => drop(person.post(&format!("{path}/complete"), &json!({})).await?),
                _ => drop(person.patch(&path, &json!({ "tag_names": some() })).await?),
            }
        }
        if suite.runs("recurrence") {
            let daily = json!({
                "title": "again", "tag_names": ["home", "again"], "due_at": "2031-01-01T09:00:00Z",
                "recurrence_pattern": { "pattern_type": "daily" },
            });
            let first = person.create_task(&daily).await?;
            person.complete(first.id).await?;
            let query = "?tags=again&status=todo";
            eventually("it comes again", PATIENCE, async || Ok((person.list(query).await?.total == 1).then_some(()))).await?;
        }
        let said: BTreeMap<String, i64> =
            listed(&person, "?limit=100").await?.into_iter().filter(|(_, used)| *used > 0).collect();
        let counted = counted(&person).await?;
        ensure!(said == counted && counted.len() >= names.len(), "said {said:?}, counted {counted:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_tasks_are_found_by_all_or_any_of_their_tags() -> Result<()> {
    story(async |_, person| {
        let mut ids = BTreeMap::new();
        for (title, priority, tags) in [
            ("a", "high", vec!["work", "urgent"]),
            ("b", "high", vec!["work"]),
            ("c", "medium", vec!["home", "urgent"]),
            ("d", "low", vec!["work", "home", "urgent"]),
            ("e", "medium", vec![]),
            ("f", "low", vec!["two words"]),
        ] {
            let task = person.create_task(&json!({ "title": title, "priority": priority, "tag_names": tags })).await?;
            ids.insert(task.id, title);
        }
        for (query, expected) in [
            ("tags=work", "abd"),
            ("tags=work,urgent", "ad"),
            ("tags=work&tags=urgent", "ad"),
            ("tags=%20WORK%20,%20Urgent%20", "ad"),
            ("tags=work,work,Work", "abd"),
            ("tags=work,urgent,home", "d"),
            ("tags=work,home&tags_match=all", "d"),
            ("tags=work,home&tags_match=any", "abcd"),
            ("tags=two%20words", "f"),
            ("tags=two", ""),
            ("tags=work,unknown", ""),
            ("tags=unknown", ""),
            ("tags=unknown&tags_match=any", ""),
            ("tags=work,unknown&tags_match=any", "abd"),
            ("tags=", "abcdef"),
            ("tags=,%20,", "abcdef"),
            ("tags_match=any", "abcdef"),
            ("priority=high", "ab"),
            ("priority=high,low", "abdf"),
            ("priority=high&priority=low", "abdf"),
            ("priority=high,high,%20high%20", "ab"),
            ("priority=", "abcdef"),
            ("priority=high&tags=urgent", "a"),
            ("priority=medium,low&tags=home,urgent", "cd"),
        ] {
            let page = person.list(&format!("?{query}&limit=100")).await?;
            let mut found: Vec<&str> = page.items.iter().filter_map(|task| ids.get(&task.id).copied()).collect();
            found.sort_unstable();
            ensure!(
                found.concat() == expected && page.total == expected.len() as i64,
                "{query}: {found:?}, total {}",
                page.total
            );
        }
        // Another's tag of the same name is another tag.
        let other = person.suite.person()?;
        ensure!(other.list("?tags=work").await?.total == 0, "another's");
        Ok(())
    })
    .await
}
