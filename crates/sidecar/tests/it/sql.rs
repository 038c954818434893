//! The PostgreSQL binding: values keep their type, a refusal has its SQLSTATE, and silence is never success.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar::{Error, Sql, Statement};
use uuid::Uuid;

use crate::ground::{alone, eventually, shared};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thing {
    id: Uuid,
    name: String,
    amount: i64,
    at: DateTime<Utc>,
    tags: Vec<String>,
    detail: Value,
}

const CREATE: Statement = Statement::new(
    "create",
    "-- With a comment, as every file has: it's one; \"really\"
insert into things (id, name, amount, at, tags, detail)
select id, name, amount, at, tags, detail
from jsonb_to_record($1::jsonb) as i(id uuid, name text, amount bigint, at timestamptz, tags text[], detail jsonb) /* ä€𝄞 */",
);
const READ: Statement = Statement::new(
    "read",
    "select coalesce((select to_jsonb(t) from things t where t.id = ($1::jsonb ->> 'id')::uuid), 'null')::text",
);

fn thing() -> Thing {
    let id = Uuid::now_v7();
    Thing {
        id,
        name: format!("Tea & 'biscuits' \\ \"ä€𝄞\" $1 {id}"),
        // Neither of them survives a float.
        amount: i64::MAX - 1,
        at: "2026-03-29T01:59:59.999999Z".parse().unwrap(),
        tags: vec!["a,b".into(), "{}".into(), "\"".into(), String::new(), "ü".into()],
        detail: json!({ "deep": [[{ "n": 9_007_199_254_740_993_i64, "none": null, "yes": true, "text": "line\nline" }]] }),
    }
}

async fn sql() -> Sql {
    shared().await.sidecar("tasks").sql("database-tasks")
}

#[tokio::test]
async fn values_keep_their_type_both_ways() {
    let (sql, thing) = (sql().await, thing());
    assert_eq!(sql.exec(&CREATE, &thing).await.unwrap(), 1);
    assert_eq!(sql.query::<Option<Thing>>(&READ, &json!({ "id": thing.id })).await.unwrap().unwrap(), thing);
    assert_eq!(sql.query::<Option<Thing>>(&READ, &json!({ "id": Uuid::new_v4() })).await.unwrap(), None);
    let ground = shared().await;
    let row = ground.database().await;
    let row = row.query_one("select amount, at, tags, name from tasks.things where id = $1", &[&thing.id]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, DateTime<Utc>>(1)), (thing.amount, thing.at));
    assert_eq!((row.get::<_, Vec<String>>(2), row.get::<_, String>(3)), (thing.tags, thing.name));
}

#[tokio::test]
async fn extremes_of_numbers_and_times_come_back_as_they_went() {
    let sql = sql().await;
    for amount in [0, 1, 9_007_199_254_740_993, i64::MAX] {
        let thing = Thing { amount, at: "1970-01-01T00:00:00Z".parse().unwrap(), ..thing() };
        sql.exec(&CREATE, &thing).await.unwrap();
        assert_eq!(sql.query::<Thing>(&READ, &json!({ "id": thing.id })).await.unwrap(), thing);
    }
}

#[tokio::test]
async fn a_broken_rule_names_its_state_and_its_constraint() {
    let (sql, first) = (sql().await, thing());
    sql.exec(&CREATE, &first).await.unwrap();
    let part = Statement::new("part", "insert into parts (thing_id) select ($1::jsonb ->> 'id')::uuid");
    for (error, state, constraint) in [
        (sql.exec(&CREATE, &first).await, "23505", Some("things_pkey")),
        (sql.exec(&CREATE, &Thing { id: Uuid::new_v4(), ..first.clone() }).await, "23505", Some("things_name_key")),
        (sql.exec(&CREATE, &Thing { amount: -1, ..thing() }).await, "23514", Some("things_amount_check")),
        (sql.exec(&part, &json!({ "id": Uuid::new_v4() })).await, "23503", Some("parts_thing_id_fkey")),
        (sql.exec(&part, &json!({})).await, "23502", None),
        (sql.exec(&CREATE, &json!({ "id": "no uuid" })).await, "22P02", None),
        (sql.exec(&Statement::new("broken", "selekt 1"), &()).await, "42601", None),
        (sql.exec(&Statement::new("absent", "delete from nothing"), &()).await, "42P01", None),
    ]
    .map(|(result, state, constraint)| (result.unwrap_err(), state, constraint))
    {
        assert!(matches!(error, Error::Database { .. }), "{error}");
        assert_eq!((error.sqlstate(), error.constraint()), (Some(state), constraint), "{error}");
        assert!(!error.is_unavailable(), "{error}");
    }
}

#[tokio::test]
async fn a_read_that_fails_while_running_is_never_a_success() {
    let (sql, first) = (sql().await, thing());
    sql.exec(&CREATE, &first).await.unwrap();
    let failing = [
        ("division", "select (1 / (1 - (i.n))) ::text from jsonb_to_record($1::jsonb) as i(n integer)"),
        // Two good rows were on their way when the third failed.
        ("midway", "select (1 / (3 - n))::text from generate_series(1, ($1::jsonb ->> 'n')::integer + 4) as n"),
        ("violation", "insert into things select * from things where id = ($1::jsonb ->> 'id')::uuid returning id::text"),
        ("check", "update things set amount = -1 where id = ($1::jsonb ->> 'id')::uuid returning amount::text"),
    ];
    for (name, text) in failing {
        let error = sql.query::<Value>(&Statement::new(name, text), &json!({ "n": 1, "id": first.id })).await.unwrap_err();
        assert!(matches!(error, Error::NoRow { .. } | Error::Database { .. }), "{name}: {error}");
    }
    assert_eq!(sql.query::<Thing>(&READ, &json!({ "id": first.id })).await.unwrap(), first);
}

#[tokio::test]
async fn a_read_whose_session_is_ended_under_it_is_answered_by_the_next() {
    let sql = sql().await;
    sql.script("prepare", "create sequence if not exists readings").await.unwrap();
    let text = "select case nextval('readings') when 1 then pg_terminate_backend(pg_backend_pid())::text || pg_sleep(5)::text else '\"there\"' end";
    assert_eq!(sql.query::<String>(&Statement::new("ended", text), &()).await.unwrap(), "there");
}

#[tokio::test]
async fn a_read_gives_exactly_one_row_of_one_text() {
    let sql = sql().await;
    for (name, text) in [
        ("none", "select 'x' where false"),
        ("two", "select n::text from generate_series(1, 2) as n"),
        ("columns", "select '1'::text, '2'::text"),
        ("null", "select null::text"),
        ("number", "select 1"),
    ] {
        let error = sql.query::<Value>(&Statement::new(name, text), &()).await.unwrap_err();
        assert!(matches!(error, Error::NoRow { .. }), "{name}: {error}");
    }
    let error = sql.query::<Value>(&Statement::new("text", "select 'no json'"), &()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_write_says_how_many_rows_it_affected() {
    let (sql, thing) = (sql().await, thing());
    let rename = Statement::new("rename", "update things set amount = 1 where id = ($1::jsonb ->> 'id')::uuid");
    assert_eq!(sql.exec(&rename, &json!({ "id": thing.id })).await.unwrap(), 0);
    sql.exec(&CREATE, &thing).await.unwrap();
    assert_eq!(sql.exec(&rename, &json!({ "id": thing.id })).await.unwrap(), 1);
}

#[tokio::test]
async fn long_statements_with_comments_and_accents_pass() {
    let filler = format!("-- é à ü € 𝄞 'quoted' \"twice\" $2 ; begin\n/* {} */\n", "viel Text\n".repeat(3_000));
    let text: &'static str = format!("{filler}select ($1::jsonb ->> 'a')::text -- the end: ñ").leak();
    assert!(text.len() > 30_000);
    let answer = sql().await.query::<Value>(&Statement::new("long", text), &json!({ "a": "\"ä€𝄞\"" })).await.unwrap();
    assert_eq!(answer, "ä€𝄞");
}

#[tokio::test]
async fn one_statement_stores_all_of_a_change_or_nothing() {
    let (sql, first) = (sql().await, thing());
    // The part is written before the thing breaks its rule.
    let both = Statement::new(
        "both",
        "with i as (select * from jsonb_to_record($1::jsonb) as i(id uuid, name text, amount bigint, at timestamptz)),
t as (insert into things select id, name, amount, at, '{}', '{}' from i returning id), o as (insert into things select gen_random_uuid(), name || '!', -1, at, '{}', '{}' from i returning 1)
insert into parts select id from t",
    );
    assert_eq!(sql.exec(&both, &first).await.unwrap_err().constraint(), Some("things_amount_check"));
    assert_eq!(sql.query::<Option<Thing>>(&READ, &json!({ "id": first.id })).await.unwrap(), None);
}

#[tokio::test]
async fn a_script_of_many_statements_is_one_transaction() {
    let ground = shared().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    let error = sql.script("half", "create table half (id integer); insert into half values (1); selekt;").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("42601"));
    let error =
        sql.script("late", "create table half (id integer); insert into half values (1); select 1 / 0;").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    let row = ground.database().await.query_one("select to_regclass('tasks.half') is null", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    sql.script("whole", "create table whole (id integer); insert into whole values (1), (2);").await.unwrap();
    assert_eq!(sql.query::<i64>(&Statement::new("count", "select count(*)::text from whole"), &()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_unavailable() {
    let ground = shared().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    // The server's own limit comes first: class 57.
    let slow = "set local statement_timeout = 100; select pg_sleep(30);";
    let error = sql.script("cancelled", slow).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("57014"));
    assert!(error.is_unavailable());
    let impatient = ground.observed("tasks", std::time::Duration::from_millis(300), ()).sql("database-tasks");
    let error = impatient.exec(&Statement::new("slow", "select pg_sleep(2)"), &()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_write_that_lost_against_another_is_sent_again() {
    let ground = shared().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    sql.script("pairs", "create table if not exists pairs (id integer primary key, n integer not null); insert into pairs values (1, 0), (2, 0) on conflict do nothing;").await.unwrap();
    // Two statements that take the same two rows in opposite order: PostgreSQL ends one of them with 40P01.
    let up = Statement::new(
        "up",
        "do $$ begin update pairs set n = n + 1 where id = 1; perform pg_sleep(0.2); update pairs set n = n + 1 where id = 2; end $$",
    );
    let down = Statement::new(
        "down",
        "do $$ begin update pairs set n = n + 1 where id = 2; perform pg_sleep(0.2); update pairs set n = n + 1 where id = 1; end $$",
    );
    let (one, other) = tokio::join!(sql.exec(&up, &()), sql.exec(&down, &()));
    one.unwrap();
    other.unwrap();
    let sum = Statement::new("sum", "select sum(n)::text from pairs");
    assert_eq!(sql.query::<i64>(&sum, &()).await.unwrap(), 4);
}

/// Sidecars take up a changed component at once and have none for a moment. Seen red: nothing sent again, and all but a connection
/// that was just being opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_changed_fails_no_statement_and_repeats_none() {
    let ground = alone().await;
    let sql = ground.sidecar("tasks").sql("database-tasks");
    sql.script("prepare", "create table if not exists changes (id uuid)").await.unwrap();
    let insert = Statement::new("insert", "insert into changes select ($1::jsonb ->> 'id')::uuid");
    let count = Statement::new("count", "select count(*)::text from changes");
    let (ended, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writing: Vec<_> = (0..4)
        .map(|_| {
            let (sql, insert, count, ended, written) =
                (sql.clone(), insert.clone(), count.clone(), ended.clone(), written.clone());
            tokio::spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    assert_eq!(sql.exec(&insert, &json!({ "id": Uuid::now_v7() })).await.unwrap(), 1);
                    sql.query::<i64>(&count, &()).await.unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    let as_it_is = std::fs::read_to_string(crate::ground::repository().join("components/common/database-tasks.yaml")).unwrap();
    let log = ground.instance("tasks").daprd_log.clone();
    let updates = || std::fs::read_to_string(&log).unwrap().matches("Component updated: database-tasks ").count();
    for connections in ["11", "12", "13", "10"] {
        let (updated, so_far) = (updates(), written.load(Ordering::Relaxed));
        ground.change("common/database-tasks.yaml", &as_it_is.replace("\"10\"", &format!("\"{connections}\"")));
        eventually("the sidecar has the other component", async || (updates() > updated).then_some(())).await;
        eventually("the callers go on", async || (written.load(Ordering::Relaxed) > so_far + 20).then_some(())).await;
    }
    ended.store(true, Ordering::Relaxed);
    for caller in writing {
        caller.await.unwrap();
    }
    assert_eq!(sql.query::<i64>(&count, &()).await.unwrap(), written.load(Ordering::Relaxed));
}
