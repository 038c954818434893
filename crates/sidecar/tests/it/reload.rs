//! A sidecar that begins anew while it is used, as daprd 1.18 does by itself when its Configuration or Resiliency changes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use sidecar::{Sidecar, Sql, Statement};
use uuid::Uuid;

use crate::ground::{Ground, alone, eventually};
use crate::invoke::{request, text};

const INSERT: Statement = Statement::new("insert", "insert into reloads select ($1::jsonb ->> 'id')::uuid");
const COUNT: Statement = Statement::new("count", "select count(*)::text from reloads");

/// Callers of each kind at once.
const PAIRS: usize = 3;

/// What callers who never stop have done.
#[derive(Clone, Default)]
struct Load {
    ended: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
}

impl Load {
    /// Gives how many were acknowledged.
    async fn write(self, sql: Sql) -> i64 {
        let mut written = 0;
        while !self.ended.load(Ordering::Relaxed) {
            match sql.exec(&INSERT, &json!({ "id": Uuid::now_v7() })).await {
                Ok(_) => {
                    written += 1;
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => self.failed.lock().unwrap().push(error.to_string()),
            }
        }
        written
    }

    async fn call(self, sidecar: Sidecar) {
        while !self.ended.load(Ordering::Relaxed) {
            let mut request = request("identity", Method::POST, &["things", &Uuid::new_v4().to_string()]);
            request.body = r#"{"n":1}"#.into();
            match sidecar.invoke(request).await {
                Ok(response) if response.status() == 200 => {
                    text(response).await;
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(response) => self.failed.lock().unwrap().push(format!("{response:?}")),
                Err(error) => self.failed.lock().unwrap().push(error.to_string()),
            }
        }
    }
}

/// Makes the sidecar of `app` begin anew, and waits until it has.
async fn reload(ground: &Ground, app: &str) {
    let instance = ground.instance(app);
    let log = instance.daprd_log.clone();
    let begun = || std::fs::read_to_string(&log).unwrap().matches("dapr initialized").count();
    let before = begun();
    let sidecar = format!("--dapr-http-port {}", instance.dapr_http_port);
    assert!(Command::new("pkill").args(["-HUP", "-f", "--", &sidecar]).status().unwrap().success());
    eventually("the sidecar has begun anew", async || (begun() > before).then_some(())).await;
}

/// What its callers have in hand is not done, and they are told: a connection that was idle is closed, and what is just being sent on it is read
/// by nobody. Only who ends the connection knows that, and so it is not sent again here. Whoever comes after that waits until it listens again.
///
/// Seen red, with a sidecar that is not waited for: 1,888 refused connections beside 665 answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_that_begins_anew_loses_no_more_than_its_callers_have_in_hand() {
    let ground = alone().await;
    let sidecar = ground.sidecar("tasks");
    let sql = sidecar.sql("database-tasks");
    sql.script("prepare", "create table if not exists reloads (id uuid); truncate reloads").await.unwrap();
    let load = Load::default();
    let writing: Vec<_> = (0..PAIRS).map(|_| tokio::spawn(load.clone().write(sql.clone()))).collect();
    let calling: Vec<_> = (0..PAIRS).map(|_| tokio::spawn(load.clone().call(sidecar.clone()))).collect();
    let failed = || load.failed.lock().unwrap().clone();
    // That of the callee first: calls find it again.
    for (app, in_hand) in [("identity", 0), ("tasks", 2 * PAIRS), ("identity", 0), ("tasks", 2 * PAIRS)] {
        let (so_far, before) = (load.done.load(Ordering::Relaxed), failed().len());
        reload(&ground, app).await;
        eventually("the callers go on", async || (load.done.load(Ordering::Relaxed) > so_far + 100).then_some(())).await;
        let lost = failed().split_off(before);
        assert!(lost.len() <= in_hand && !lost.iter().any(|words| words.contains("ConnectionRefused")), "{app}: {lost:#?}");
    }
    load.ended.store(true, Ordering::Relaxed);
    for call in calling {
        call.await.unwrap();
    }
    let mut written = 0;
    for writer in writing {
        written += writer.await.unwrap();
    }
    assert_eq!(sql.query::<i64>(&COUNT, &()).await.unwrap(), written);
}
