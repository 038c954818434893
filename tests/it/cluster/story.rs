//! The story of the path in the cluster: through the ingress, the gateway, the brokers and back into the page.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};
use tests::cluster::{Cluster, NAMESPACE, kubectl};
use tests::eventually;
use tests::socket::Socket;
use tests::zipkin::{Span, Trace};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);
/// The reminder's time is at most 5 s away, and a tick of the cron binding comes every 10 s.
const REMINDED: Duration = Duration::from_secs(60);

/// Every app that has a part in it.
const TOLD: [&str; 8] = ["gateway", "tasks", "recurrence", "reminders", "notifications", "realtime", "audit", "identity"];

/// What a server of the cluster answers, through the API server.
pub(super) async fn server(name: &str, path: &str) -> Result<String> {
    server_in(NAMESPACE, name, path).await
}

/// The same of another namespace.
pub(super) async fn server_in(namespace: &str, name: &str, path: &str) -> Result<String> {
    kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{namespace}/services/{name}:http/proxy{path}")]).await
}

#[tokio::test]
async fn cluster_a_person_is_told_in_the_page_and_by_mail_and_it_is_one_trace() -> Result<()> {
    let cluster = Cluster::find().await?;
    let page = cluster.client().get(format!("http://{}/app/sign-in", cluster.ingress)).header("host", "todo-app.local").send();
    ensure!(page.await?.status() == 200, "the other name leads nowhere");
    told(&cluster, server).await
}

/// The story itself, on whichever broker the suite has. `server` says what the mailbox and Zipkin answer.
pub(crate) async fn told(cluster: &Cluster, server: impl AsyncFn(&str, &str) -> Result<String>) -> Result<()> {
    let ada = cluster.member().await?;
    let mut socket = Socket::in_cluster(cluster, &ada.token).await?;

    let trace_id = Uuid::new_v4().simple().to_string();
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let correlation_id = format!("story-{trace_id}");
    let headers = [("traceparent", traceparent.as_str()), ("x-correlation-id", correlation_id.as_str())];
    let now: DateTime<Utc> = SystemTime::now().into();
    let body = json!({ "title": "Submit report", "due_at": now + TimeDelta::seconds(65), "reminder_offset_minutes": 1 });
    let task: Value = ada.send(Method::POST, "/tasks", &headers, Some(&body)).await?.expect(201)?;

    let told = socket.next(REMINDED, |frame| frame["change"] == "notification").await?;
    ensure!(told["notification"]["task_id"] == task["id"], "{told}");
    eventually("the mail is there", SOON, async || Ok(server("mailbox", "/").await?.contains(&ada.email).then_some(()))).await?;

    let mut wanted = ["task.created", "reminder.scheduled", "reminder.due", "reminder.delivered"];
    wanted.sort_unstable();
    eventually("the audit log tells the story", SOON, async || {
        let page = ada.get(&format!("/audit-logs?correlation_id={correlation_id}")).await?.is(200)?.json();
        let rows = page["items"].as_array().context("a list")?;
        let mut actions: Vec<&str> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
        actions.sort_unstable();
        Ok((actions == wanted).then_some(()))
    })
    .await?;
    eventually("every app is in the trace", SOON, async || {
        let spans: Vec<Span> = serde_json::from_str(&server("zipkin", &format!("/api/v2/trace/{trace_id}")).await?)?;
        let trace = Trace { spans };
        let missing: Vec<&&str> = TOLD.iter().filter(|app| **app != "identity" && trace.find(app, "").is_none()).collect();
        ensure!(missing.is_empty(), "{missing:?} are missing in\n{}", trace.outline());
        Ok(Some(()))
    })
    .await
}
