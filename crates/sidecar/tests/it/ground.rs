//! The parts that every test of this crate shares, and the words they are spoken to with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sidecar::{Config, Observer, Sidecar};
use stack::{Instance, Options, Stack};
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::peer::Peer;

/// Longest time that anything here may take to heal or to arrive.
pub const SOON: Duration = Duration::from_secs(60);
/// The apps whose names the peers borrow: `tasks` has a database, `identity` counters and the signing key, `audit` listens to nobody, `web`
/// is there twice.
const APPS: [&str; 4] = ["identity", "tasks", "audit", "web"];
/// The suite ships no configuration store; this one is made for the test.
const CONFIGURATION: &str = "apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: settings
spec:
  type: configuration.redis
  version: v1
  metadata:
    - name: redisHost
      secretKeyRef: { name: outrigger-redis, key: host }
    - name: redisPassword
      secretKeyRef: { name: outrigger-redis, key: password }
auth:
  secretStore: secretstore
scopes: [tasks]
";

static GROUND: OnceCell<RwLock<Ground>> = OnceCell::const_new();

pub struct Ground {
    pub stack: Stack,
    peers: BTreeMap<String, Peer>,
}

/// The parts, all well, with others beside us.
pub async fn shared() -> RwLockReadGuard<'static, Ground> {
    ground().await.read().await
}

/// The parts for one test alone, which may stop them and has to leave them well.
pub async fn alone() -> RwLockWriteGuard<'static, Ground> {
    ground().await.write().await
}

async fn ground() -> &'static RwLock<Ground> {
    GROUND.get_or_init(async || RwLock::new(Ground::start().await)).await
}

impl Ground {
    async fn start() -> Self {
        let _ = std::fs::remove_dir_all(folder());
        let mut options = Options::new(root_with_configuration(&repository()), folder().join("run"));
        options.jobs = true;
        options.replicas.insert("web".to_owned(), 2);
        options.apps = Some(APPS.map(str::to_owned).to_vec());
        for app in APPS {
            // The app is this process; what is started only holds its place.
            options.commands.insert(app.to_owned(), vec!["sleep".to_owned(), "1000000".to_owned()]);
        }
        let mut stack = Stack::prepare(options).await.unwrap();
        let peers = stack.instances().iter().map(|instance| (instance.part(), Peer::start(instance.app_port))).collect();
        tokio::time::timeout(Duration::from_secs(60), stack.up(stack::quiet())).await.unwrap().unwrap();
        let ground = Self { stack, peers };
        ground.database().await.batch_execute(include_str!("schema.sql")).await.unwrap();
        ground
    }

    /// The first replica is called as its app is, the second has `-1` behind.
    pub fn peer(&self, part: &str) -> &Peer {
        &self.peers[part]
    }

    pub fn instance(&self, app: &str) -> &Instance {
        self.stack.instance(app, 0).unwrap()
    }

    /// The sidecar of `app`, by connections of this test's own runtime.
    pub fn sidecar(&self, app: &str) -> Sidecar {
        self.observed(app, Duration::from_secs(10), ())
    }

    pub fn observed(&self, app: &str, timeout: Duration, observer: impl Observer) -> Sidecar {
        let instance = self.instance(app);
        let config = Config {
            http_port: instance.dapr_http_port,
            grpc_port: instance.dapr_grpc_port,
            api_token: Some(instance.dapr_api_token.clone()),
            timeout,
        };
        Sidecar::new(&config, observer).unwrap()
    }

    /// Puts another file in the place of a component, whole, as whoever deploys does.
    pub fn change(&self, component: &str, text: &str) {
        let folder = repository();
        let new = folder.join("new.yaml");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, folder.join("components").join(component)).unwrap();
    }

    /// The administrator's connection, to look from the other side.
    pub async fn database(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.stack.postgres_url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub async fn redis(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.stack.redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

fn folder() -> PathBuf {
    std::env::temp_dir().join("outrigger-sidecar-it")
}

/// Where the launcher of these parts finds their components.
pub fn repository() -> PathBuf {
    folder().join("repository")
}

/// The repository as the launcher wants it, with one component more.
fn root_with_configuration(root: &Path) -> PathBuf {
    let real = stack::find_root(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    for set in ["common", "local"] {
        let folder = root.join("components").join(set);
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(real.join("components").join(set)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::write(root.join("components/local/settings.yaml"), CONFIGURATION).unwrap();
    std::fs::copy(real.join("dapr.yaml"), root.join("dapr.yaml")).unwrap();
    std::os::unix::fs::symlink(real.join("scripts"), root.join("scripts")).unwrap();
    root.to_owned()
}

/// Asks again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + SOON;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < until, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
