//! The database goes and comes back: errors say "not now", and nothing has to be restarted.

use std::time::Duration;

use serde_json::{Value, json};
use sidecar::{Error, Sql, Statement};

use crate::ground::{SOON, alone, eventually};

const ONE: Statement = Statement::new("one", "select 1::text");
const NOTE: Statement = Statement::new("note", "insert into notes select ($1::jsonb ->> 'n')::integer");
const NOTES: &str = "create table if not exists notes (n integer primary key);";

async fn works_again(sql: &Sql) {
    eventually("the database answers again", async || sql.query::<Value>(&ONE, &()).await.ok()).await;
}

#[tokio::test]
async fn a_stopped_database_is_unavailable_and_works_again_without_a_restart() {
    let ground = alone().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    sql.script("notes", NOTES).await.unwrap();
    ground.stack.stop("postgres").await.unwrap();
    for _ in 0..3 {
        let write = sql.exec(&NOTE, &json!({ "n": 1 })).await.unwrap_err();
        assert!(write.is_unavailable(), "{write}");
        let read = sql.query::<Value>(&ONE, &()).await.unwrap_err();
        assert!(read.is_unavailable(), "{read}");
        let script = sql.script("notes", NOTES).await.unwrap_err();
        assert!(script.is_unavailable(), "{script}");
    }
    ground.stack.start_part("postgres").await.unwrap();
    works_again(&sql).await;
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn under_load_through_a_killed_database_every_acknowledged_write_is_there() {
    let ground = alone().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    sql.script("notes", NOTES).await.unwrap();
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    let mut killed = false;
    for n in 1_000.. {
        match sql.exec(&NOTE, &json!({ "n": n })).await {
            Ok(1) => acknowledged.push(n),
            Ok(rows) => panic!("{rows} rows"),
            Err(error) => {
                assert!(error.is_unavailable(), "{error}");
                refused += 1;
            }
        }
        if acknowledged.len() == 100 && !killed {
            killed = true;
            ground.stack.kill9("postgres").await.unwrap();
        }
        if acknowledged.len() >= 300 {
            break;
        }
        if refused > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(refused > 0, "nobody noticed");
    let all = Statement::new("all", "select jsonb_agg(n)::text from notes");
    let stored: Vec<i32> = sql.query(&all, &()).await.unwrap();
    assert!(acknowledged.iter().all(|n| stored.contains(n)));
    ground.stack.wait_ready(SOON).await.unwrap();
}

#[tokio::test]
async fn a_silent_database_is_given_up_in_time() {
    let ground = alone().await;
    let sql = ground.observed("tasks", Duration::from_millis(500), ()).sql("database-tasks");
    ground.stack.pause("postgres").await.unwrap();
    let error = sql.exec(&ONE, &()).await.unwrap_err();
    ground.stack.resume("postgres").await.unwrap();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    works_again(&sql).await;
    ground.stack.wait_ready(SOON).await.unwrap();
}
