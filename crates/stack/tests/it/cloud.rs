//! The cloud's components against servers that ask for what the cloud's ask for: TLS, a user and a password.

use std::path::{Path, PathBuf};
use std::time::Duration;

use stack::{Secrets, Stack, State};

use crate::support::{Folder, database, eventually, ids, options, publish, sidecar, start, subscribe};

const SOON: Duration = Duration::from_secs(60);

/// tasks and audit, through which one event has gone; and where audit keeps what it gets.
async fn cloud(folder: &Folder) -> (Stack, PathBuf) {
    let mut options = options(folder, &["tasks", "audit"]);
    let file = subscribe(&mut options, "audit");
    options.set = stack::Set::Cloud;
    let stack = start(options).await;
    carries(&stack, &file, "first").await;
    (stack, file)
}

async fn carries(stack: &Stack, file: &Path, id: &str) {
    let tasks = stack.instance("tasks", 0).unwrap();
    eventually("the sidecar takes an event", SOON, async || publish(tasks, id).await.is_ok()).await;
    eventually(&format!("{id} arrives"), SOON, async || ids(file).contains(&id.to_owned())).await;
}

#[tokio::test]
async fn the_clouds_components_work_by_tls_and_whoever_comes_without_is_refused() {
    let folder = Folder::new();
    let (stack, _) = cloud(&folder).await;
    let tasks = stack.instance("tasks", 0).unwrap();
    let statement = r#"{"operation":"query","metadata":{"sql":"select current_schema()::text"}}"#;
    let reaches_the_schema = async || {
        sidecar(tasks, "POST", "/v1.0/bindings/database-tasks", statement).await.is_ok_and(|(_, body)| body.contains("tasks"))
    };
    assert!(reaches_the_schema().await);

    let admin = database(&stack).await;
    let sql = "select usename::text, ssl from pg_stat_activity join pg_stat_ssl using (pid) where usename <> 'postgres'";
    let sessions = admin.query(sql, &[]).await.unwrap();
    for role in ["tasks", "state"] {
        assert!(sessions.iter().any(|session| session.get::<_, &str>(0) == role), "{role}: {sessions:?}");
    }
    assert!(sessions.iter().all(|session| session.get(1)), "{sessions:?}");

    // A managed server ends sessions that idle. Nobody hears of it.
    admin.batch_execute("alter role tasks set idle_session_timeout = '2s'").await.unwrap();
    stack.restart("tasks-daprd").await.unwrap();
    assert!(reaches_the_schema().await);
    let sql = "select count(*) from pg_stat_activity where usename = 'tasks'";
    let open = async || admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    assert_ne!(open().await, 0);
    eventually("the server has ended every session", SOON, async || open().await == 0).await;
    assert!(reaches_the_schema().await);

    let secret = &stack.secrets()["outrigger-db-tasks"]["url"];
    let plain = format!("{}?sslmode=disable", secret.split_once('?').unwrap().0);
    let error = tokio_postgres::connect(&plain, tokio_postgres::NoTls).await.err().expect("let in without TLS");
    assert!(error.as_db_error().unwrap().message().contains("no encryption"), "{error:?}");
    stack.shutdown().await.unwrap();
}

/// Makes a new password for Kafka what the sidecars read when they start next.
fn set_password(stack: &Stack, password: &str) {
    let file = stack.run_dir().join("secrets.json");
    let mut secrets: Secrets = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    secrets.get_mut("outrigger-kafka").unwrap().insert("password".to_owned(), password.to_owned());
    std::fs::write(file, serde_json::to_vec(&secrets).unwrap()).unwrap();
}

#[tokio::test]
async fn a_wrong_password_for_kafka_ends_the_sidecar_with_its_reason_and_loses_nothing() {
    let folder = Folder::new();
    let (stack, file) = cloud(&folder).await;
    let tasks = stack.instance("tasks", 0).unwrap();
    stack.stop("audit-daprd").await.unwrap();
    publish(tasks, "acknowledged").await.unwrap();
    stack.stop("tasks-daprd").await.unwrap();

    set_password(&stack, "wrong");
    for app in ["tasks", "audit"] {
        let part = format!("{app}-daprd");
        let log = stack.instance(app, 0).unwrap().daprd_log.clone();
        stack.start_part(&part).await.unwrap();
        // It ends and is started again, so that it heals by itself once the secret is right: never ready, and it takes nothing.
        eventually(&format!("{part} has ended twice"), SOON, async || {
            assert!(publish(tasks, "refused").await.is_err());
            let states = stack.parts();
            let (_, state, _) = states.iter().find(|(name, ..)| *name == part).unwrap();
            assert_ne!(*state, State::Ready, "{part}");
            std::fs::read_to_string(&log).unwrap().matches("\"level\":\"fatal\"").count() >= 2
        })
        .await;
        let log = std::fs::read_to_string(&log).unwrap();
        let fatal = log.lines().rfind(|line| line.contains("\"level\":\"fatal\"")).unwrap();
        for words in ["pubsub", "SASL Authentication failed", "invalid credentials"] {
            assert!(fatal.contains(words), "{words}: {fatal}");
        }
    }

    let right = stack.secrets()["outrigger-kafka"]["password"].clone();
    set_password(&stack, &right);
    carries(&stack, &file, "last").await;
    eventually("what was acknowledged arrives", SOON, async || ids(&file).contains(&"acknowledged".to_owned())).await;
    assert!(!ids(&file).contains(&"refused".to_owned()));
    stack.shutdown().await.unwrap();
}
