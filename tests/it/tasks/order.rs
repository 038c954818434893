//! Sorting: each key alone, ties and empties across the edges of pages, and keys in turn against a reference.

use std::cmp::{Ordering, Reverse};

use anyhow::{Result, ensure};
use contracts::task::{Priority, Task};
use serde_json::json;
use tests::{Person, story};

/// Pages of this many cut through every group of ties.
const PAGE: usize = 7;

/// Letters, and what stands between them, in the order in which people look for them.
const TITLES: [&str; 20] = [
    "10 things",
    "2 things",
    "Äpfel",
    "apple",
    "banana",
    "Banane",
    "cafe",
    "Café",
    "co-op",
    "coop",
    "eat",
    "éclair",
    "eel",
    "zebra",
    "Zoo",
    "Ωmega",
    "ёлка",
    "ж",
    "Жук",
    "яблоко",
];

/// Every page of a list, one after the other; none may repeat or miss a task.
async fn paged(person: &Person, sort: &str) -> Result<Vec<Task>> {
    let mut all: Vec<Task> = Vec::new();
    loop {
        let page = person.list(&format!("?sort={sort}&limit={PAGE}&offset={}", all.len())).await?;
        let has_more = page.has_more;
        ensure!(page.items.iter().all(|task| all.iter().all(|seen| seen.id != task.id)), "{sort}: a task came twice");
        all.extend(page.items);
        if !has_more {
            ensure!(page.total == all.len() as i64, "{sort}: {} of {}", all.len(), page.total);
            return Ok(all);
        }
    }
}

fn rank(task: &Task) -> u8 {
    match task.priority {
        Priority::Low => 0,
        Priority::Medium => 1,
        Priority::High => 2,
    }
}

/// What the requirement says of a key.
fn compare(key: &str, a: &Task, b: &Task) -> Ordering {
    // Titles of these tasks are plain letters, of which the order is nobody's matter of taste.
    let title = |task: &Task| task.title.to_lowercase();
    match key {
        "priority_asc" => rank(a).cmp(&rank(b)),
        "priority_desc" => rank(b).cmp(&rank(a)),
        "due_date_asc" => (a.due_at.is_none(), a.due_at).cmp(&(b.due_at.is_none(), b.due_at)),
        "due_date_desc" => (a.due_at.is_none(), Reverse(a.due_at)).cmp(&(b.due_at.is_none(), Reverse(b.due_at))),
        "created_asc" => (a.created_at, a.id).cmp(&(b.created_at, b.id)),
        "created_desc" => (b.created_at, b.id).cmp(&(a.created_at, a.id)),
        "title_asc" => title(a).cmp(&title(b)),
        _ => title(b).cmp(&title(a)),
    }
}

/// The tasks in the order of several keys, the newest first where none decides.
fn sorted(tasks: &[Task], keys: &str) -> Vec<Task> {
    let mut tasks = tasks.to_vec();
    tasks.sort_by(|a, b| {
        let keys = keys.split(',').chain(["created_desc"]);
        keys.map(|key| compare(key, a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    tasks
}

fn names(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| task.title.as_str()).collect()
}

#[tokio::test]
async fn contract_every_order_and_any_three_of_them_in_turn_are_those_of_a_reference() -> Result<()> {
    story(async |_, person| {
        let mut tasks = Vec::new();
        for number in 0..36_usize {
            let due = ["2031-01-03", "2031-01-01", "", "2031-01-02"][number % 4];
            let due = (!due.is_empty()).then(|| format!("{due}T10:00:00Z"));
            let (title, priority) =
                (["Beta", "alpha", "beta", "gamma", "ALPHA"][number % 5], ["high", "low", "medium"][number % 3]);
            let body = json!({ "title": title, "priority": priority, "due_at": due });
            tasks.push(person.create_task(&body).await?);
        }
        let fields = ["priority", "due_date", "created", "title"];
        let both = |field: &str| [format!("{field}_asc"), format!("{field}_desc")];
        let mut orders: Vec<String> = fields.iter().flat_map(|field| both(field)).collect();
        for first in fields {
            for second in fields.into_iter().filter(|second| *second != first) {
                for third in fields.into_iter().filter(|third| *third != first && *third != second) {
                    // Each way of each key is seen in some place; all eight of all 24 would be the same again.
                    let [[a, _], [_, b], [c, _]] = [both(first), both(second), both(third)];
                    orders.push(format!("{a},{b},{c}"));
                    let [[_, a], [b, _], [_, c]] = [both(first), both(second), both(third)];
                    orders.push(format!("{a},{b},{c}"));
                }
            }
        }
        orders.push("priority_desc,due_date_asc".to_owned());
        orders.push("priority_desc,title_asc,due_date_desc,created_asc".to_owned());
        for order in &orders {
            let (found, expected) = (paged(&person, order).await?, sorted(&tasks, order));
            ensure!(found == expected, "{order}:\n{:?}\nnot\n{:?}", names(&found), names(&expected));
        }
        // A reload gives the same, and keys may come one by one.
        let again = paged(&person, "priority_desc&sort=due_date_asc").await?;
        ensure!(again == sorted(&tasks, "priority_desc,due_date_asc"), "several parameters are keys in turn");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_titles_are_in_the_order_in_which_people_look_for_them() -> Result<()> {
    story(async |_, person| {
        // Made in another order than they are looked for.
        for title in
            TITLES.iter().skip(9).step_by(2).chain(TITLES.iter().skip(8).step_by(2).rev()).chain(TITLES.iter().take(8).rev())
        {
            person.create_task(&json!({ "title": title })).await?;
        }
        let up = paged(&person, "title_asc").await?;
        ensure!(up.len() == TITLES.len(), "all of them");
        ensure!(names(&up) == TITLES, "{:?}", names(&up));
        let mut down = names(&paged(&person, "title_desc").await?).into_iter().map(str::to_owned).collect::<Vec<_>>();
        down.reverse();
        ensure!(down == TITLES, "{down:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_sort_that_is_none_lists_those_there_are() -> Result<()> {
    story(async |_, person| {
        let all = "priority_asc, priority_desc, due_date_asc, due_date_desc, created_asc, created_desc, title_asc, title_desc";
        for sort in ["colour", "priority", "PRIORITY_ASC", "title_asc,colour_desc", "title_asc%20desc", "title_asc;--", "due_asc"]
        {
            let answer = person.get(&format!("/tasks?sort={sort}")).await?;
            ensure!(answer.is(422)?.fields() == ["sort"] && answer.body.contains(all), "{sort}: {}", answer.body);
        }
        for sort in ["title_asc,title_desc", "title_asc&sort=title_asc", "due_date_asc,title_asc,due_date_asc"] {
            let answer = person.get(&format!("/tasks?sort={sort}")).await?;
            ensure!(answer.is(422)?.fields() == ["sort"] && answer.body.contains("twice"), "{sort}: {}", answer.body);
        }
        for sort in ["", "%20", "title_asc,", "%20title_asc%20,%20due_date_desc"] {
            person.get(&format!("/tasks?sort={sort}")).await?.is(200)?;
        }
        Ok(())
    })
    .await
}
