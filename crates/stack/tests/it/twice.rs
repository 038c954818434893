//! A second start: the data is there, the folder is held, ports and programs that are missing are named.

use crate::support::{Folder, database, options, root, sidecar, start};

#[tokio::test]
async fn a_second_start_keeps_the_data_and_the_keys() {
    let folder = Folder::new();
    let stack = start(options(&folder, &["tasks"])).await;
    let key = stack.secrets()["outrigger-jwt"]["private-key"].clone();
    database(&stack).await.batch_execute("create table tasks.kept as select 42 as number").await.unwrap();
    let tasks = stack.instance("tasks", 0).unwrap();
    let (status, body) = sidecar(tasks, "POST", "/v1.0/state/statestore", r#"[{"key":"kept","value":"yes"}]"#).await.unwrap();
    assert_eq!(status, 204, "{body}");
    let mut redis = redis::Client::open(stack.redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    redis::cmd("SET").arg("kept").arg("yes").query_async::<()>(&mut redis).await.unwrap();
    // No farewell: the launcher is gone from one moment to the next.
    drop(stack);

    let stack = start(options(&folder, &["tasks"])).await;
    assert_eq!(stack.secrets()["outrigger-jwt"]["private-key"], key);
    let row = database(&stack).await.query_one("select number from tasks.kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
    let tasks = stack.instance("tasks", 0).unwrap();
    let (_, body) = sidecar(tasks, "GET", "/v1.0/state/statestore/kept", "").await.unwrap();
    assert_eq!(body, "\"yes\"");
    let mut redis = redis::Client::open(stack.redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    assert_eq!(redis::cmd("GET").arg("kept").query_async::<String>(&mut redis).await.unwrap(), "yes");
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_named_with_its_holder() {
    let folder = Folder::new();
    let stack = start(options(&folder, &[])).await;
    let error = stack::Stack::start(options(&folder, &[]), stack::quiet()).await.unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()) && error.contains("in use"), "{error}");
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_occupied_port_and_a_missing_binary_are_named() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut options = options(&folder, &[]);
    options.ports = stack::Ports::Stated { front: port };
    let error = stack::Stack::start(options, stack::quiet()).await.unwrap_err().to_string();
    assert!(error.contains(&port.to_string()) && error.contains("front door"), "{error}");

    let mut options = stack::Options::new(root(), &folder.0);
    options.bin_dir = "/nonexistent".into();
    let error = stack::Stack::start(options, stack::quiet()).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/identity") && error.contains("cargo build"), "{error}");
}
