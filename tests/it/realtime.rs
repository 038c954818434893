//! The socket: each change on each open page of its owner, once, whichever instance holds the page, and on nobody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::task::Task;
use futures::future::try_join_all;
use serde_json::{Value, json};
use stack::Instance;
use tests::database::Database;
use tests::socket::Socket;
use tests::{Person, Suite};
use uuid::Uuid;

/// How long a frame may take; with two busy cores more than the second that a person would notice.
const SOON: Duration = Duration::from_secs(60);
/// Tasks of each person.
const TASKS: usize = 3;

/// People in front of open pages.
pub(crate) struct Audience {
    viewers: Vec<Viewer>,
}

/// One person, what they did, and the pages that must show it.
struct Viewer {
    person: Person,
    tasks: Vec<Task>,
    /// Task, change and version, in the order of doing.
    done: Vec<(Uuid, &'static str, i64)>,
    pages: Vec<Page>,
}

/// One open page.
struct Page {
    socket: Socket,
    /// What had been done when it was opened: it shows what came after.
    since: usize,
}

impl Audience {
    /// So many people without a page.
    pub(crate) fn new(suite: &Suite, people: usize) -> Result<Self> {
        let viewer = |_| anyhow::Ok(Viewer { person: suite.person()?, tasks: Vec::new(), done: Vec::new(), pages: Vec::new() });
        Ok(Self { viewers: (0..people).map(viewer).collect::<Result<_>>()? })
    }

    /// Each person opens so many pages at this instance.
    pub(crate) async fn open(&mut self, at: &Instance, pages: usize) -> Result<()> {
        let base = format!("http://127.0.0.1:{}", at.app_port);
        for viewer in &mut self.viewers {
            for _ in 0..pages {
                let socket = Socket::open_at(&base, &viewer.person).await.with_context(|| at.part())?;
                viewer.pages.push(Page { socket, since: viewer.done.len() });
            }
        }
        Ok(())
    }

    /// Everyone makes a few tasks, and every page shows them.
    pub(crate) async fn create(&mut self) -> Result<()> {
        let all = self.viewers.iter_mut().map(async |viewer| {
            for number in 0..TASKS {
                let task = viewer.person.create_task(&json!({ "title": format!("Task {number}") })).await?;
                viewer.done.push((task.id, "created", task.version));
                viewer.tasks.push(task);
            }
            anyhow::Ok(())
        });
        try_join_all(all).await?;
        self.see().await
    }

    /// Everyone changes, completes and deletes their tasks, and every page shows each step before the next is taken.
    pub(crate) async fn change(&mut self) -> Result<()> {
        for step in ["updated", "completed", "deleted"] {
            let all = self.viewers.iter_mut().map(async |viewer| viewer.step(step).await);
            try_join_all(all).await?;
            self.see().await?;
        }
        for viewer in &mut self.viewers {
            viewer.tasks.clear();
        }
        Ok(())
    }

    /// Waits until every page has as many frames as it should, and looks at each of them.
    pub(crate) async fn see(&mut self) -> Result<()> {
        let pages = self.viewers.iter_mut().flat_map(|viewer| {
            let (person, done) = (viewer.person.user_id, &viewer.done);
            viewer.pages.iter_mut().map(move |page| async move { page.see(person, &done[page.since..]).await })
        });
        try_join_all(pages).await.map(drop)
    }

    /// How many pages are open.
    pub(crate) fn pages(&self) -> usize {
        self.viewers.iter().map(|viewer| viewer.pages.len()).sum()
    }

    /// The instances that the pages of each person say they are connected to.
    pub(crate) fn instances(&self) -> Vec<BTreeSet<String>> {
        let instance = |page: &Page| page.socket.frames[0]["instance"].as_str().unwrap_or_default().to_owned();
        self.viewers.iter().map(|viewer| viewer.pages.iter().map(instance).collect()).collect()
    }

    /// Nobody's page knows anything of another person: neither who they are nor what is theirs.
    pub(crate) fn keeps_to_itself(&self) -> Result<()> {
        for viewer in &self.viewers {
            let others = self.viewers.iter().filter(|other| other.person.user_id != viewer.person.user_id);
            let foreign: BTreeSet<Uuid> = others
                .flat_map(|other| other.done.iter().map(|(task, ..)| *task).chain([other.person.user_id, other.person.tenant_id]))
                .collect();
            for frame in viewer.pages.iter().flat_map(|page| &page.socket.frames) {
                let text = frame.to_string();
                let seen = foreign.iter().find(|id| text.contains(&id.to_string()));
                ensure!(seen.is_none(), "a page of {} shows {seen:?} of somebody else: {text}", viewer.person.user_id);
            }
        }
        Ok(())
    }

    /// Publishes once more every event of these people that was published, as a broker does that repeats itself.
    pub(crate) async fn repeat(&self, suite: &Suite) -> Result<()> {
        let database = Database::of(suite).await?;
        let sidecar = suite.stack().instance("tasks", 0)?;
        let url = format!("http://127.0.0.1:{}/v1.0/publish/pubsub-fanout/task-updates", sidecar.dapr_http_port);
        for viewer in &self.viewers {
            let sql = "select coalesce(jsonb_agg(payload), '[]') from tasks.outbox_events
                       where topic = 'task-updates' and payload -> 'metadata' ->> 'user_id' = $1";
            let events = database.json(sql, &[&viewer.person.user_id.to_string()]).await?;
            let events = events.as_array().cloned().unwrap_or_default();
            ensure!(events.len() == viewer.done.len(), "{} events of {} changes", events.len(), viewer.done.len());
            for data in events {
                let event = json!({
                    "specversion": "1.0", "id": data["event_id"], "type": "task.update", "source": "tasks",
                    "datacontenttype": "application/json", "data": data,
                });
                let key = data["metadata"]["key"].as_str().context("a key")?;
                let request = suite.client().post(format!("{url}?metadata.partitionKey={key}"));
                let request = request.header("dapr-api-token", &sidecar.dapr_api_token);
                // The sidecar writes the trace of the request into the envelope.
                let trace = data["metadata"]["traceparent"].as_str().context("a trace")?;
                let request = request.header("traceparent", trace).header("content-type", "application/cloudevents+json");
                let request = request.body(event.to_string());
                request.send().await?.error_for_status()?;
            }
        }
        Ok(())
    }

    /// Their tenants.
    pub(crate) fn tenants(&self) -> Vec<Uuid> {
        self.viewers.iter().map(|viewer| viewer.person.tenant_id).collect()
    }
}

impl Viewer {
    async fn step(&mut self, step: &'static str) -> Result<()> {
        for task in &mut self.tasks {
            let path = format!("/tasks/{}", task.id);
            match step {
                "updated" => *task = self.person.patch(&path, &json!({ "title": "Changed" })).await?.expect(200)?,
                "completed" => *task = self.person.complete(task.id).await?,
                _ => {
                    self.person.delete(&path).await?.is(204)?;
                    task.version += 1;
                }
            }
            self.done.push((task.id, step, task.version));
        }
        Ok(())
    }
}

impl Page {
    /// Waits for what was done since it was opened. Whatever else it was shown stands where one of these should.
    async fn see(&mut self, person: Uuid, done: &[(Uuid, &'static str, i64)]) -> Result<()> {
        // The first frame is the greeting.
        while self.socket.frames.len() < done.len() + 1 {
            let (shown, of) = (self.socket.frames.len() - 1, done.len());
            self.socket.next(SOON, |_| true).await.with_context(|| format!("{shown} of {of} changes were shown"))?;
        }
        let frames = &self.socket.frames[1..];
        let shown: Vec<(Uuid, String, i64)> = frames.iter().map(of_frame).collect::<Result<_>>()?;
        for (task, change, version) in done {
            let times = shown.iter().filter(|seen| (seen.0, seen.1.as_str(), seen.2) == (*task, *change, *version)).count();
            ensure!(times == 1, "{change} {version} of {task} was shown {times} times: {shown:?}");
        }
        ensure!(shown.len() == done.len(), "more was shown than done: {shown:?}");
        for frame in frames.iter().filter(|frame| !frame["task"].is_null()) {
            ensure!(frame["task"]["user_id"] == json!(person), "not theirs: {frame}");
        }
        Ok(())
    }
}

fn of_frame(frame: &Value) -> Result<(Uuid, String, i64)> {
    ensure!(frame["type"] == "task.update", "{frame}");
    let change = frame["change"].as_str().unwrap_or_default().to_owned();
    Ok((serde_json::from_value(frame["task_id"].clone())?, change, frame["version"].as_i64().unwrap_or_default()))
}

#[tokio::test]
async fn flow_thirty_pages_of_three_people_on_three_instances_show_each_change_of_their_owner_once() -> Result<()> {
    let suite = Suite::shared().await?;
    let mut audience = Audience::new(&suite, 3)?;
    let instances: Vec<&Instance> = suite.stack().instances().iter().filter(|instance| instance.app == "realtime").collect();
    ensure!(instances.len() == 3, "{} instances of realtime", instances.len());
    for (instance, pages) in instances.iter().zip([4, 3, 3]) {
        audience.open(instance, pages).await?;
    }
    ensure!(audience.pages() == 30 && audience.instances().iter().all(|of_one| of_one.len() == 3), "{:?}", audience.instances());
    audience.create().await?;
    // A repeat of what was shown is shown to nobody: it would stand in the place of what comes now.
    audience.repeat(&suite).await?;
    audience.change().await?;
    audience.create().await?;
    audience.keeps_to_itself()?;
    suite.settled(&audience.tenants()).await
}
