//! The stack that all stories of a run share, and the world of one story.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::{Options, Set, Stack};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::broker;
use crate::database::Database;
use crate::eventually;
use crate::person::Person;
use crate::schemas;

/// Which component set the run is for: `local`, `kafka` or `cloud`.
const SET: &str = "OUTRIGGER_SET";
/// The apps of the run, joined by commas, while one works on these alone; all of them unless said otherwise.
const APPS: &str = "OUTRIGGER_APPS";
/// The folder with the binaries of the apps, when they are not those that `cargo build` made last.
pub const BINARIES: &str = "OUTRIGGER_BIN_DIR";
/// How long a story's events may take to leave the outboxes once it has ended.
const SETTLED: Duration = Duration::from_secs(60);
/// The apps with an outbox.
const OUTBOXES: [&str; 6] = ["identity", "tasks", "reminders", "notifications", "messaging", "audit"];

/// What the run directories' names begin with.
const RUNS: &str = "outrigger-run-";

static SHARED: OnceCell<Suite> = OnceCell::const_new();

/// A running suite. Cheap to clone.
#[derive(Clone)]
pub struct Suite {
    stack: Arc<Stack>,
    client: reqwest::Client,
}

impl Suite {
    /// The one of this run: Zipkin and Prometheus on, three instances of reminders and of realtime, two of notifications and of the gateway.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn shared() -> Result<Self> {
        let start = async || {
            let mut options = Self::options("shared")?;
            options.monitoring = true;
            Self::start(options).await
        };
        SHARED.get_or_try_init(start).await?.anew()
    }

    /// The same suite for another test: each has its own runtime, and a client's connections live and die with the runtime they were
    /// made in.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn anew(&self) -> Result<Self> {
        Ok(Self { stack: self.stack.clone(), client: client()? })
    }

    /// One of its own, for a story that breaks things.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start(options: Options) -> Result<Self> {
        forget_ended_runs()?;
        let stack = Stack::start(options, stack::quiet()).await?;
        Ok(Self { stack: Arc::new(stack), client: client()? })
    }

    /// What [`Suite::shared`] starts, without Prometheus, in a run directory called `name`.
    ///
    /// # Errors
    /// When this is not inside the repository.
    pub fn options(name: &str) -> Result<Options> {
        let root = stack::find_root(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))?;
        let set = set()?;
        let mut options = Options::new(&root, run_dir(set, name));
        options.set = set;
        options.zipkin = true;
        for (app, count) in [("recurrence", 2), ("reminders", 3), ("realtime", 3), ("notifications", 2), ("gateway", 2)] {
            options.replicas.insert(app.to_owned(), count);
        }
        // Signing up is limited by address, and every story of a run has the same one.
        options.env.entry("gateway".to_owned()).or_default().insert("OPEN_RATE".to_owned(), "6000".to_owned());
        options.apps = only();
        if let Some(folder) = variable(BINARIES) {
            options.bin_dir = folder.into();
        }
        Ok(options)
    }

    /// Ends what was started, in order, if nobody else holds this suite; otherwise its last holder ends it.
    ///
    /// # Errors
    /// When a part cannot be told to end.
    pub async fn shutdown(self) -> Result<()> {
        match Arc::try_unwrap(self.stack) {
            Ok(stack) => stack.shutdown().await,
            Err(_) => Ok(()),
        }
    }

    /// The parts.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// A client without cookies that follows no redirect.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// An address behind the front door.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.front_url())
    }

    /// The port of the front door.
    ///
    /// # Errors
    /// Never: its address has one.
    pub fn front_port(&self) -> Result<u16> {
        self.stack.front_url().rsplit(':').next().and_then(|port| port.parse().ok()).context("the front door has a port")
    }

    /// Whether an app is part of this run.
    pub fn runs(&self, app: &str) -> bool {
        self.stack.instances().iter().any(|instance| instance.app == app)
    }

    /// Somebody new, in a tenant of their own, with a token that the suite's key signed.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn person(&self) -> Result<Person> {
        Person::new(self.clone())
    }

    /// Waits until no event of the tenants is left in an outbox, and fails if the message of one of them is not what the schemas of its
    /// envelope and of its topic say, or it became a dead letter.
    ///
    /// # Errors
    /// When something is left.
    pub async fn settled(&self, tenants: &[Uuid]) -> Result<()> {
        let database = Database::of(self).await?;
        let tenants: Vec<String> = tenants.iter().map(Uuid::to_string).collect();
        for app in OUTBOXES.into_iter().filter(|app| self.runs(app)) {
            let sql = format!(
                "select count(*) from {app}.outbox_events where published_at is null and payload -> 'metadata' ->> 'tenant_id' = any ($1)"
            );
            eventually(&format!("the outbox of {app} is empty"), SETTLED, async || {
                Ok((database.count(&sql, &[&tenants]).await? == 0).then_some(()))
            })
            .await?;
            self.were_whole(&database, app, &tenants).await?;
        }
        if !self.runs("audit") {
            return Ok(());
        }
        let letters = "select count(*) from audit.dead_letters where state = 'open' and original::text ~ any ($1)";
        let open = database.count(letters, &[&tenants]).await?;
        ensure!(open == 0, "{open} dead letters are open");
        Ok(())
    }

    /// Fails unless each event that left the outbox of `app` stood on its topic as it was written, in a whole envelope, and all of one key
    /// in one partition.
    async fn were_whole(&self, database: &Database, app: &str, tenants: &[String]) -> Result<()> {
        let sql = format!(
            "select topic, key, payload from {app}.outbox_events
             where published_at is not null and error_message is null and payload -> 'metadata' ->> 'tenant_id' = any ($1)"
        );
        let mut topics: BTreeMap<String, BTreeMap<String, (String, Value)>> = BTreeMap::new();
        for row in database.client().query(&sql, &[&tenants]).await? {
            let payload: Value = row.try_get(2)?;
            let id = payload["event_id"].as_str().unwrap_or_default().to_owned();
            topics.entry(row.try_get(0)?).or_default().insert(id, (row.try_get(1)?, payload));
        }
        for (topic, mut sent) in topics {
            let mut partitions = BTreeMap::new();
            let mut seen = BTreeSet::new();
            for stood in broker::messages(self, &topic).await? {
                let Some(id) = stood.message["id"].as_str() else { continue };
                let Some((key, payload)) = sent.get(id) else { continue };
                schemas::is_whole(&topic, &stood.message)?;
                ensure!(stood.message["data"] == *payload, "written {payload}\nsaid {}", stood.message["data"]);
                let partition = partitions.entry(key.clone()).or_insert_with(|| stood.partition.clone());
                ensure!(*partition == stood.partition, "{key} is in {partition:?} and in {:?}", stood.partition);
                seen.insert(id.to_owned());
            }
            sent.retain(|id, _| !seen.contains(id));
            ensure!(sent.is_empty(), "{app} published {sent:?} on {topic}, where it never stood");
        }
        Ok(())
    }
}

/// Where a stack of this process lives: runs may go on beside each other.
fn run_dir(set: Set, name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{RUNS}{}-{name}-{}", set.name(), std::process::id()))
}

/// Removes what runs left whose process is gone: logs are kept until the next run begins.
fn forget_ended_runs() -> Result<()> {
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let process = name.strip_prefix(RUNS).and_then(|rest| rest.rsplit_once('-')).and_then(|(_, id)| id.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            // Another run may be removing it too.
            let _ = std::fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(30)).redirect(reqwest::redirect::Policy::none()).build()?)
}

/// Runs one story of somebody new with the shared suite.
///
/// # Errors
/// What the story says, or what was left.
pub async fn story(tell: impl AsyncFnOnce(Suite, Person) -> Result<()>) -> Result<()> {
    story_of(Suite::shared().await?.person()?, tell).await
}

/// Runs one story of this person and checks at its end that nothing was left in a queue.
///
/// # Errors
/// What the story says, or what was left.
pub async fn story_of(person: Person, tell: impl AsyncFnOnce(Suite, Person) -> Result<()>) -> Result<()> {
    let (suite, tenant) = (person.suite.clone(), person.tenant_id);
    tell(suite.clone(), person).await?;
    suite.settled(&[tenant]).await
}

/// The component set of this run.
///
/// # Errors
/// When the variable names an unknown one.
pub fn set() -> Result<Set> {
    variable(SET).map_or(Ok(Set::Local), |name| name.parse())
}

fn only() -> Option<Vec<String>> {
    variable(APPS).map(|apps| apps.split(',').map(str::to_owned).collect())
}

/// Whether stories take the time that their requirement names, where the gate shortens it (`scripts/test.sh --long`).
pub fn is_long() -> bool {
    variable("OUTRIGGER_LONG").is_some_and(|long| long == "yes")
}

/// A setting of the run, from its environment.
#[expect(clippy::disallowed_methods, reason = "the harness reads its settings where they are used")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
