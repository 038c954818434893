//! The parts that every test of this crate shares, and the words they are spoken to with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidecar::publish::Message;
use sidecar::{Config, Sidecar};
use stack::{Instance, Options, Stack};
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use crate::issuer::{Issuer, Key, person};

/// Longest time that anything here may take to heal or to arrive.
pub const SOON: Duration = Duration::from_secs(60);

static GROUND: OnceCell<RwLock<Ground>> = OnceCell::const_new();

pub struct Ground {
    pub stack: Stack,
    pub issuer: Issuer,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The parts, all well, with other tests beside us.
pub async fn shared() -> RwLockReadGuard<'static, Ground> {
    ground().await.read().await
}

/// The parts for one test alone, which may stop them and has to leave them well.
pub async fn alone() -> RwLockWriteGuard<'static, Ground> {
    ground().await.write().await
}

async fn ground() -> &'static RwLock<Ground> {
    GROUND
        .get_or_init(async || {
            let mut options = options("local", &["identity", "tasks", "notifications", "audit"]);
            options.replicas.insert("tasks".to_owned(), 2);
            // A test counts how often the keys are fetched otherwise.
            options.env.entry("tasks".to_owned()).or_default().insert("KEYS_SECONDS".to_owned(), "3600".to_owned());
            RwLock::new(Ground::start(options).await)
        })
        .await
}

pub fn probe() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().join("../examples/probe").canonicalize().unwrap()
}

/// A stack of these apps in an empty folder of this name: `tasks` is the probe, the others are played by this process.
pub fn options(name: &str, apps: &[&str]) -> Options {
    let root = stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let folder = std::env::temp_dir().join(format!("outrigger-service-it-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    let mut options = Options::new(root, folder);
    options.apps = Some(apps.iter().map(|app| (*app).to_owned()).collect());
    for app in apps {
        let command = if *app == "tasks" { vec![probe().display().to_string()] } else { vec!["sleep".into(), "1000000".into()] };
        options.commands.insert((*app).to_owned(), command);
    }
    options
}

impl Ground {
    pub async fn start(options: Options) -> Self {
        let kafka = options.set.broker() == "kafka";
        let mut stack = Stack::prepare(options).await.unwrap();
        let key = Key::of_pem("first", &stack.secrets()["outrigger-jwt"]["private-key"]);
        let mut issuer = None;
        for instance in stack.instances().iter().filter(|instance| instance.app != "tasks") {
            let started = Issuer::start(instance.app_port, key.clone());
            if instance.app == "identity" {
                issuer = Some(started);
            }
        }
        let patience = Duration::from_secs(if kafka { 120 } else { 60 });
        tokio::time::timeout(patience, stack.up(stack::quiet())).await.unwrap().unwrap();
        Self { stack, issuer: issuer.unwrap() }
    }

    pub fn instance(&self, app: &str, index: u16) -> &Instance {
        self.stack.instance(app, index).unwrap()
    }

    /// The sidecar of `app`, by connections of this test's own runtime.
    pub fn sidecar(&self, app: &str) -> Sidecar {
        self.sidecar_within(app, Duration::from_secs(10))
    }

    /// The same, with this much time for each call.
    pub fn sidecar_within(&self, app: &str, timeout: Duration) -> Sidecar {
        let instance = self.instance(app, 0);
        let config = Config {
            http_port: instance.dapr_http_port,
            grpc_port: instance.dapr_grpc_port,
            api_token: Some(instance.dapr_api_token.clone()),
            timeout,
        };
        Sidecar::new(&config, ()).unwrap()
    }

    /// The administrator's connection, to look from the other side.
    pub async fn database(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.stack.postgres_url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A person's token.
    pub fn token(&self) -> String {
        self.issuer.key.sign(&person())
    }

    /// Asks the first probe itself, without a sidecar in between.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
        ask(self.instance("tasks", 0).app_port, method, path, headers, body).await.unwrap()
    }

    /// Asks the first probe as its own sidecar does.
    pub async fn as_sidecar(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let token = self.instance("tasks", 0).app_api_token.clone();
        self.ask("POST", path, &[("dapr-api-token", &token), ("content-type", "application/json")], body).await
    }

    /// Asks the probe from another app, through both sidecars.
    pub async fn forwarded(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let identity = self.instance("identity", 0);
        let mut all = vec![("dapr-app-id", "tasks"), ("dapr-api-token", identity.dapr_api_token.as_str())];
        all.extend([("content-type", "application/json")]);
        all.extend_from_slice(headers);
        ask(identity.dapr_http_port, method, path, &all, body.to_owned()).await.unwrap()
    }

    /// Publishes events, each with its own id, from the other app.
    pub async fn publish(&self, topic: &str, events: &[Value]) {
        let messages: Vec<Message> = events.iter().map(message).collect();
        let failed = self.sidecar("identity").publish_bulk("pubsub", topic, &messages).await.unwrap();
        assert_eq!(failed, []);
    }

    /// A count in the probe's schema.
    pub async fn count(&self, table: &str, id: &str) -> i64 {
        let sql = format!("select count(*) from tasks.{table} where event_id = $1");
        self.database().await.query_one(&sql, &[&id]).await.unwrap().get(0)
    }

    /// Waits until each of these events has had its effect, and checks that none had two or was given up.
    pub async fn all_took_effect_once(&self, ids: &[String]) {
        let database = self.database().await;
        let (effects, wanted) =
            ("select count(distinct event_id), count(*) from tasks.effects where event_id = any ($1)", ids.len());
        eventually("every event takes effect", async || {
            let row = database.query_one(effects, &[&ids]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), row.get::<_, i64>(1), "some took effect twice");
            (usize::try_from(row.get::<_, i64>(0)).unwrap() == wanted).then_some(())
        })
        .await;
        let letters = database.query("select event_id from tasks.letters where event_id = any ($1)", &[&ids]).await.unwrap();
        assert_eq!(letters.len(), 0);
    }

    /// How many deliveries of an event to `tasks` Redis still waits to hear of: as long as there is one, it may come again.
    pub async fn held(&self, topic: &str, id: &str) -> usize {
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(SOON));
        let client = redis::Client::open(self.stack.redis_url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
        let entries: Vec<(String, BTreeMap<String, String>)> =
            redis::cmd("XRANGE").arg(topic).arg("-").arg("+").query_async(&mut redis).await.unwrap();
        let is_it = |data: &str| serde_json::from_str::<Value>(data).unwrap()["id"] == id;
        let (entry, _) = entries.iter().find(|(_, fields)| is_it(&fields["data"])).expect("it was published");
        let held: Vec<(String, String, i64, i64)> =
            redis::cmd("XPENDING").arg(topic).arg("tasks").arg(entry).arg(entry).arg(1).query_async(&mut redis).await.unwrap();
        held.len()
    }

    /// The dead letters of an event.
    pub async fn letters(&self, id: &str) -> Vec<Value> {
        let rows = self.database().await.query("select letter from tasks.letters where event_id = $1", &[&id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The sum of a metric's samples over both probes, of those that name all of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let mut sum = 0.0;
        for instance in self.stack.instances().iter().filter(|instance| instance.app == "tasks") {
            let text = ask(instance.app_port, "GET", "/metrics", &[], "").await.unwrap().body;
            sum += text
                .lines()
                .filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)))
                .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
                .sum::<f64>();
        }
        sum
    }

    /// Every line that the probes have printed whole.
    pub fn log(&self) -> Vec<Value> {
        let texts = self.stack.instances().iter().filter(|instance| instance.app == "tasks");
        let texts = texts.map(|instance| std::fs::read_to_string(&instance.log).unwrap());
        let lines = texts.flat_map(|text| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.ends_with('\n')).map(|line| serde_json::from_str(&line).expect(&line)).collect()
    }

    pub async fn well(&self) {
        self.stack.wait_ready(SOON).await.unwrap();
    }
}

/// An event as it is published.
pub fn message(event: &Value) -> Message {
    Message {
        id: event["event_id"].as_str().unwrap().to_owned(),
        event_type: event["event_type"].as_str().unwrap_or("probe.told").to_owned(),
        key: event["metadata"]["key"].as_str().unwrap_or("none").to_owned(),
        traceparent: event["metadata"]["traceparent"].as_str().map(str::to_owned),
        data: event.to_string().into(),
    }
}

/// An event that the probe handles as `mode` says.
pub fn event(mode: &str) -> Value {
    let id = Uuid::now_v7();
    json!({
        "event_id": id, "event_type": "probe.told", "schema_version": "1.0", "occurred_at": "2026-03-01T12:00:00Z", "mode": mode, "gate": id,
        "metadata": {
            "correlation_id": format!("story-{id}"), "source": "identity", "user_id": Uuid::new_v4(), "tenant_id": Uuid::new_v4(),
            "key": id, "sequence": 1, "traceparent": sidecar::Trace::root().to_string(),
        },
    })
}

pub fn id(event: &Value) -> &str {
    event["event_id"].as_str().unwrap()
}

pub fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| id(event).to_owned()).collect()
}

/// An event as daprd delivers it.
pub fn delivered(event: &Value) -> String {
    json!({
        "id": event["event_id"], "type": event["event_type"], "source": "identity", "specversion": "1.0", "topic": "task-events",
        "pubsubname": "pubsub", "traceparent": event["metadata"]["traceparent"], "data": event,
    })
    .to_string()
}

pub async fn ask(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> reqwest::Result<Answer> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let mut request = client.request(method.parse().unwrap(), format!("http://127.0.0.1:{port}{path}")).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body: response.text().await? })
}

/// Whether a test takes the measure that its requirement names, where the gate shortens it (`scripts/test.sh --long`).
#[expect(clippy::disallowed_methods, reason = "tests read their settings where they are used")]
pub fn is_long() -> bool {
    std::env::var("OUTRIGGER_LONG").is_ok_and(|long| long == "yes")
}

/// Asks again until there is an answer.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + SOON;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn count_effects(ground: &Ground, id: &str) -> i64 {
    ground.count("effects", id).await
}
