//! The suite that is measured: release binaries, no traces, somebody with a token, and clients for each door.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::Value;
use sidecar::{Config, Sidecar};
use stack::{Instance, Options, Set, Stack};
use tests::database::Database;
use tests::person::{Answer, Person};
use tests::suite::{BINARIES, variable};
use tests::{Suite, eventually};

/// Time allowed for one call of a measurement: one that hangs shall not count as slow.
const CALL: Duration = Duration::from_secs(10);

/// The folder of the binaries that are measured: of the release build, unless the run says otherwise.
pub fn binaries(root: &Path) -> PathBuf {
    variable(BINARIES).map_or_else(|| root.join("target/release"), |folder| root.join(folder))
}

/// The running suite and who uses it.
pub struct Ground {
    /// The suite.
    pub suite: Suite,
    /// Which broker.
    pub set: Set,
    /// Somebody who signed up.
    pub person: Person,
    /// The administrator's view.
    pub database: Database,
}

impl Ground {
    /// Starts everything, empty.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start(root: &Path, set: Set) -> Result<Self> {
        let mut options = Options::new(root, std::env::temp_dir().join(format!("outrigger-bench-{}", set.name())));
        options.bin_dir = binaries(root);
        options.set = set;
        options.env.entry("gateway".to_owned()).or_default().insert("OPEN_RATE".to_owned(), "100000".to_owned());
        let suite = Suite::start(options).await?;
        let database = Database::of(&suite).await?;
        let person = Person::new(suite.clone())?;
        let ground = Self { suite, set, person, database };
        // The first request of each kind makes connections and plans.
        eventually("a first task", Duration::from_secs(20), async || {
            Ok(ground.person.get("/tasks").await?.is(200).ok().map(drop))
        })
        .await?;
        Ok(ground)
    }

    /// The same suite, used by somebody who has no tasks yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of_somebody_new(&self) -> Result<Self> {
        let (suite, database) = (self.suite.clone(), Database::of(&self.suite).await?);
        Ok(Self { person: Person::new(suite.clone())?, set: self.set, suite, database })
    }

    /// The parts.
    pub fn stack(&self) -> &Stack {
        self.suite.stack()
    }

    /// The first instance of an app.
    ///
    /// # Errors
    /// When it was not started.
    pub fn instance(&self, app: &str) -> Result<&Instance> {
        self.stack().instance(app, 0)
    }

    /// A request as the app itself takes it.
    ///
    /// # Errors
    /// When it is not answered with `status`.
    pub async fn direct(&self, app: &str, method: Method, path: &str, body: Option<&Value>, status: u16) -> Result<Answer> {
        self.at(self.instance(app)?.app_port, method, path, body, status).await
    }

    /// A request to whatever listens on a port of this machine.
    ///
    /// # Errors
    /// When it is not answered with `status`.
    pub async fn at(&self, port: u16, method: Method, path: &str, body: Option<&Value>, status: u16) -> Result<Answer> {
        let url = format!("http://127.0.0.1:{port}{path}");
        self.send(self.suite.client().request(method, url), body, status).await
    }

    /// A request to `app` through the sidecar of `by`.
    ///
    /// # Errors
    /// When it is not answered with `status`.
    pub async fn invoked(
        &self,
        by: &str,
        app: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Result<Answer> {
        let by = self.instance(by)?;
        let url = format!("http://127.0.0.1:{}{path}", by.dapr_http_port);
        let request = self.suite.client().request(method, url).header("dapr-app-id", app);
        self.send(request.header("dapr-api-token", &by.dapr_api_token), body, status).await
    }

    /// The same statement, sent straight to the binding.
    ///
    /// # Errors
    /// When it fails.
    pub async fn statement(&self, operation: &str, sql: &str, document: &Value) -> Result<Answer> {
        let tasks = self.instance("tasks")?;
        let url = format!("http://127.0.0.1:{}/v1.0/bindings/database-tasks", tasks.dapr_http_port);
        let params = serde_json::to_string(&[document.to_string()])?;
        let body = serde_json::json!({ "operation": operation, "metadata": { "sql": sql, "params": params } });
        let request = self.suite.client().post(url).header("dapr-api-token", &tasks.dapr_api_token);
        let answer = self.send(request, Some(&body), 200).await?;
        // A read that failed is answered with an empty list.
        ensure!(operation == "exec" || answer.body.len() > 2, "the statement gave no row");
        Ok(answer)
    }

    async fn send(&self, request: reqwest::RequestBuilder, body: Option<&Value>, status: u16) -> Result<Answer> {
        let mut request = request.bearer_auth(&self.person.token).timeout(CALL);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let answer = Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? };
        answer.is(status)?;
        Ok(answer)
    }

    /// The way to the sidecar of tasks that the app itself has.
    ///
    /// # Errors
    /// Never in practice.
    pub fn sidecar(&self) -> Result<Sidecar> {
        let tasks = self.instance("tasks")?;
        let config = Config {
            http_port: tasks.dapr_http_port,
            grpc_port: tasks.dapr_grpc_port,
            api_token: Some(tasks.dapr_api_token.clone()),
            timeout: CALL,
        };
        Ok(Sidecar::new(&config, ())?)
    }

    /// Waits until the outbox of tasks is empty.
    ///
    /// # Errors
    /// When it does not become so.
    pub async fn drained(&self) -> Result<()> {
        let waiting = "select count(*) from tasks.outbox_events where published_at is null";
        let ask = async || Ok((self.database.count(waiting, &[]).await? == 0).then_some(()));
        eventually("the outbox is empty", Duration::from_secs(60), ask).await
    }

    /// Ends apps with their sidecars.
    ///
    /// # Errors
    /// When one cannot be told.
    pub async fn stop(&self, apps: &[&str]) -> Result<()> {
        self.drained().await?;
        try_join_all(apps.iter().map(|app| self.stack().stop(app))).await?;
        let sidecars: Vec<String> = apps.iter().map(|app| format!("{app}-daprd")).collect();
        try_join_all(sidecars.iter().map(|part| self.stack().stop(part))).await?;
        Ok(())
    }

    /// Ends everything; gives the folder with the data.
    ///
    /// # Errors
    /// When a part cannot be told.
    pub async fn end(self) -> Result<PathBuf> {
        let Self { suite, person, database, .. } = self;
        let folder = suite.stack().run_dir().to_path_buf();
        // Both hold the suite, which its last holder ends.
        drop((person, database));
        suite.shutdown().await.context("ending the suite")?;
        Ok(folder)
    }
}
