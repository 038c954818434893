//! How the database finds a page: what the app really sends follows the indexes.

use anyhow::{Result, ensure};
use contracts::task::{Priority, Status};
use tasks::filter::Filter;
use tests::database::Database;
use tests::{many, story};

/// Tasks of one person, and of all: a hundred times fewer than the bench makes (`cargo bench -p tests -- lists`), and in the same proportion.
const OWN: i64 = 5_000;
const ALL: i64 = 50_000;

#[tokio::test]
async fn contract_a_page_follows_an_index_and_a_search_that_of_the_words() -> Result<()> {
    story(async |suite, person| {
        let database = Database::of(&suite).await?;
        let client = database.client();
        // Nobody else sees them, and they are gone afterwards.
        client.batch_execute("begin; set local search_path = tasks").await?;
        many::fill(client, person.user_id, OWN, ALL).await?;
        client.batch_execute("analyze tasks").await?;
        let plain = many::plain(person.user_id);
        let sorted = |key: &str| Filter { sort: vec![key.to_owned()], ..plain.clone() };
        for (what, filter, step) in [
            ("newest", plain.clone(), "tasks_newest"),
            ("created_asc", sorted("created_asc"), "tasks_newest"),
            ("due_date_asc", sorted("due_date_asc"), "tasks_by_due"),
            ("due_date_desc", sorted("due_date_desc"), "tasks_by_due_latest"),
        ] {
            let steps = many::steps(client, &filter).await?;
            ensure!(
                steps.iter().any(|each| each.starts_with("Index") && each.ends_with(&format!(" {step}"))),
                "{what}: {steps:?}"
            );
            ensure!(
                !steps.contains("Sort") && !steps.iter().any(|each| each.starts_with("Seq Scan")),
                "{what} reads them all: {steps:?}"
            );
        }
        let two_filters = Filter {
            search: many::search("coffee"),
            status: Some(vec![Status::Todo, Status::InProgress]),
            priority: Some(vec![Priority::High]),
            ..plain.clone()
        };
        for filter in [&two_filters, &Filter { sort: vec!["created_desc".to_owned()], ..two_filters.clone() }] {
            let steps = many::steps(client, filter).await?;
            ensure!(steps.contains("Bitmap Index Scan tasks_search"), "a search reads the index of words: {steps:?}");
            ensure!(!steps.iter().any(|each| each.starts_with("Seq Scan")), "a search reads them all: {steps:?}");
        }
        // Words of everybody are not read to find those of one.
        let (statement, document) = many::sent(&two_filters)?;
        let explain = format!("explain (analyze, format json) {}", statement.text);
        let plan: serde_json::Value = client.query_one(&explain, &[&document]).await?.try_get(0)?;
        let read = rows(&plan, "tasks_search");
        let theirs = "select count(*) from tasks where user_id = $1 and search_vector @@ to_tsquery('simple', 'coffee')";
        let theirs = database.count(theirs, &[&person.user_id]).await?;
        ensure!(theirs > 0 && read == Some(theirs), "{read:?} rows out of the index for {theirs} tasks with the word");
        client.batch_execute("rollback").await?;
        Ok(())
    })
    .await
}

/// Rows that came out of an index.
fn rows(plan: &serde_json::Value, index: &str) -> Option<i64> {
    match plan {
        serde_json::Value::Object(node) if node.get("Index Name").is_some_and(|name| name == index) => {
            node.get("Actual Rows")?.as_i64()
        }
        serde_json::Value::Object(node) => node.values().find_map(|inner| rows(inner, index)),
        serde_json::Value::Array(nodes) => nodes.iter().find_map(|inner| rows(inner, index)),
        _ => None,
    }
}
