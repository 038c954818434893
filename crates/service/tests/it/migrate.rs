//! Migrations: once however many start, whole or not at all, and back again.

use service::migrate::{Error, Migration, PLATFORM, down, status, up};
use sidecar::Sql;
use tokio::sync::{Mutex, MutexGuard};

use crate::ground::{Ground, probe, shared};

/// These tests share one schema, each beginning with an empty one.
static SCHEMA: Mutex<()> = Mutex::const_new(());

const FIRST: Migration = Migration {
    version: 1,
    name: "first",
    text: "-- up\ncreate table words (id integer primary key, word text not null constraint words_word_key unique check (word <> ''));\ncreate index words_length on words (length(word));\n-- down\ndrop table words;\n",
};
const SECOND: Migration = Migration {
    version: 2,
    name: "second",
    text: "-- up\nalter table words add column language text not null default 'en';\n-- down\nalter table words drop column language;\n",
};
const ALL: [Migration; 3] = [PLATFORM, FIRST, SECOND];

async fn empty(ground: &Ground) -> (Sql, MutexGuard<'static, ()>) {
    let guard = SCHEMA.lock().await;
    let again = "drop schema notifications cascade; create schema notifications authorization notifications";
    ground.database().await.batch_execute(again).await.unwrap();
    (ground.sidecar("notifications").sql("database-notifications"), guard)
}

/// Columns, indexes, constraints and functions of the schema, as text.
async fn catalogue(ground: &Ground) -> Vec<String> {
    let sql = "select concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) from information_schema.columns where table_schema = 'notifications' and table_name <> 'schema_migrations'
      union all select indexdef from pg_indexes where schemaname = 'notifications'
      union all select conname || ' ' || pg_get_constraintdef(c.oid) from pg_constraint c join pg_namespace n on n.oid = connamespace where nspname = 'notifications'
      union all select pg_get_functiondef(p.oid) from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = 'notifications'
      order by 1";
    ground.database().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn ten_that_start_at_once_apply_each_file_once() {
    let ground = shared().await;
    let (_, _guard) = empty(&ground).await;
    let starts = (0..10).map(|_| {
        // Each with connections of its own, as processes have.
        let sql = ground.sidecar("notifications").sql("database-notifications");
        tokio::spawn(async move { up(&sql, &ALL).await.unwrap() })
    });
    let mut applied: Vec<i32> = Vec::new();
    for start in futures::future::join_all(starts).await {
        applied.extend(start.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 1, 2]);
    let rows = ground.database().await;
    let rows = rows.query("select version from notifications.schema_migrations order by version", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn an_edited_file_is_refused_and_nothing_new_is_applied() {
    let ground = shared().await;
    let (sql, _guard) = empty(&ground).await;
    up(&sql, &[PLATFORM, FIRST]).await.unwrap();
    let before = catalogue(&ground).await;
    let edited = Migration { text: "-- up\ncreate table others (id integer);\n-- down\ndrop table others;\n", ..FIRST };
    let error = up(&sql, &[PLATFORM, edited, SECOND]).await.unwrap_err();
    assert!(matches!(error, Error::Edited { version: 1, .. }), "{error}");
    assert_eq!(catalogue(&ground).await, before);
}

#[tokio::test]
async fn a_file_that_breaks_half_way_leaves_nothing() {
    let ground = shared().await;
    let (sql, _guard) = empty(&ground).await;
    up(&sql, &[PLATFORM, FIRST]).await.unwrap();
    let before = catalogue(&ground).await;
    for text in [
        "-- up\ncreate table half (id integer);\ninsert into words values (1, 'a'), (2, 'a');\n-- down\ndrop table half;\n",
        "-- up\ncreate table half (id integer);\ncreat table other (id integer);\n-- down\ndrop table half;\n",
    ] {
        let broken = Migration { version: 2, name: "broken", text };
        let error = up(&sql, &[PLATFORM, FIRST, broken]).await.unwrap_err();
        assert!(matches!(error, Error::Database { version: 2, .. }), "{error}");
        assert_eq!(catalogue(&ground).await, before);
    }
    // Mended, it is applied as if nothing had been.
    assert_eq!(up(&sql, &ALL).await.unwrap(), [2]);
    let error =
        up(&sql, &[PLATFORM, FIRST, SECOND, Migration { version: 3, name: "no parts", text: "select 1;" }]).await.unwrap_err();
    assert!(matches!(error, Error::NoParts(3)), "{error}");
}

#[tokio::test]
async fn down_and_up_again_gives_the_same_catalogue() {
    let ground = shared().await;
    let (sql, _guard) = empty(&ground).await;
    let nothing = catalogue(&ground).await;
    assert_eq!(up(&sql, &ALL).await.unwrap(), [0, 1, 2]);
    let whole = catalogue(&ground).await;
    for version in [2, 1, 0] {
        assert_eq!(down(&sql, &ALL).await.unwrap(), Some(version));
    }
    assert_eq!(down(&sql, &ALL).await.unwrap(), None);
    let left: Vec<String> = catalogue(&ground)
        .await
        .into_iter()
        .filter(|line| !line.contains("schema_migrations") && !line.starts_with("PRIMARY"))
        .collect();
    assert_eq!(left, nothing);
    assert_eq!(up(&sql, &ALL).await.unwrap(), [0, 1, 2]);
    assert_eq!(catalogue(&ground).await, whole);
    let states = status(&sql, &ALL).await.unwrap();
    assert_eq!(
        states.iter().map(|state| (state.version, state.applied_at.is_some())).collect::<Vec<_>>(),
        [(0, true), (1, true), (2, true)]
    );
}

#[tokio::test]
async fn the_apps_own_command_shows_what_is_applied() {
    let ground = shared().await;
    let instance = ground.instance("tasks", 0);
    let output = tokio::process::Command::new(probe())
        .args(["migrate", "status"])
        .env("DAPR_HTTP_PORT", instance.dapr_http_port.to_string())
        .env("DAPR_GRPC_PORT", instance.dapr_grpc_port.to_string())
        .env("DAPR_API_TOKEN", &instance.dapr_api_token)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let wanted = ["000 platform 2", "001 probe 2", "1001 functions_that_keep_their_plans 2"];
    assert_eq!(lines.len(), wanted.len(), "{said}");
    assert!(lines.iter().zip(wanted).all(|(line, wanted)| line.starts_with(wanted)), "{said}");
}
