//! The doors that are not for people: the sidecar's (events, jobs, subscriptions) and the one between apps (`/internal`).

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use stack::Instance;
use tests::database::Database;
use tests::person::token;
use tests::{Person, Suite, story};
use uuid::Uuid;

/// Jobs, by app.
const JOBS: [(&str, &str); 3] = [
    ("reminders", "/jobs/reminder-trigger"),
    ("reminders", "/job/00000000-0000-0000-0000-000000000007.1"),
    ("audit", "/jobs/audit-retention"),
];
/// Internal routes: the app that has it, and one that may call it.
const INTERNAL: [(&str, Method, &str, &str); 6] = [
    ("tasks", Method::POST, "/internal/tasks/open", "reminders"),
    ("tasks", Method::POST, "/internal/tasks/owner", "reminders"),
    ("identity", Method::POST, "/internal/sessions", "web"),
    ("identity", Method::DELETE, "/internal/sessions", "web"),
    ("identity", Method::POST, "/internal/sessions/token", "web"),
    ("identity", Method::POST, "/internal/users/grant", "cli"),
];

/// What is not for people: an app, a method and a path.
struct Inner {
    instance: Instance,
    method: Method,
    path: String,
    /// An app that may call it; the sidecar's routes have none.
    caller: &'static str,
}

impl Inner {
    fn new(instance: &Instance, method: Method, path: &str, caller: &'static str) -> Self {
        Self { instance: instance.clone(), method, path: path.to_owned(), caller }
    }

    /// One request to the app's own port.
    async fn ask(&self, suite: &Suite, headers: &[(&str, &str)], body: &Value) -> Result<reqwest::Response> {
        let url = format!("http://127.0.0.1:{}{}", self.instance.app_port, self.path);
        let mut request = suite.client().request(self.method.clone(), url).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?)
    }

    /// One request through another app's sidecar, as that app would send it.
    async fn ask_through(&self, suite: &Suite, other: &Instance, headers: &[(&str, &str)], body: &Value) -> Result<Vec<u16>> {
        let base = format!("http://127.0.0.1:{}", other.dapr_http_port);
        let app = &self.instance.app;
        let mut statuses = Vec::new();
        let by_header = suite.client().request(self.method.clone(), format!("{base}{}", self.path)).header("dapr-app-id", app);
        let by_path = suite.client().request(self.method.clone(), format!("{base}/v1.0/invoke/{app}/method{}", self.path));
        for request in [by_header, by_path] {
            let mut request = request.json(body).header("dapr-api-token", &other.dapr_api_token);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            statuses.push(request.send().await?.status().as_u16());
        }
        Ok(statuses)
    }

    fn name(&self) -> String {
        format!("{} {} of {}", self.method, self.path, self.instance.app)
    }
}

/// Routes of the sidecar's door: what each app says it subscribes to, its jobs, and the list itself.
async fn for_sidecars(suite: &Suite) -> Result<Vec<Inner>> {
    let mut routes = Vec::new();
    for instance in suite.stack().instances() {
        let list = Inner::new(instance, Method::GET, "/dapr/subscribe", "");
        let answer = list.ask(suite, &[("dapr-api-token", &instance.app_api_token)], &Value::Null).await?;
        let subscriptions: Vec<Value> = answer.error_for_status()?.json().await.context("what it subscribes to")?;
        for subscription in &subscriptions {
            routes.push(Inner::new(instance, Method::POST, subscription["route"].as_str().context("route")?, ""));
        }
        for (_, path) in JOBS.iter().filter(|(app, _)| *app == instance.app) {
            routes.push(Inner::new(instance, Method::POST, path, ""));
        }
        routes.push(list);
    }
    Ok(routes)
}

/// Routes between apps, replays of dead letters among them.
async fn for_apps(suite: &Suite) -> Result<Vec<Inner>> {
    let mut routes = Vec::new();
    for (app, method, path, caller) in INTERNAL {
        if suite.runs(app) {
            routes.push(Inner::new(suite.stack().instance(app, 0)?, method, path, caller));
        }
    }
    for event in for_sidecars(suite).await?.into_iter().filter(|inner| inner.path.starts_with("/events/")) {
        let topic = event.path.trim_start_matches("/events/");
        // What is only shown, and dead letters themselves, are not replayed.
        if contracts::topic::component(topic) != contracts::topic::FANOUT && !topic.ends_with("-dlq") {
            routes.push(Inner { path: format!("/internal/replay/{topic}"), caller: "audit", ..event });
        }
    }
    Ok(routes)
}

/// An event that would be believed if it came from the sidecar.
pub(crate) fn user_changed(person: &Person) -> Value {
    let (id, now) = (Uuid::now_v7(), "2031-01-01T00:00:00Z");
    json!({
        "id": id, "specversion": "1.0", "type": "user.changed", "source": "identity", "topic": "user-events", "pubsubname": "pubsub",
        "data": {
            "event_id": id, "schema_version": "1.0", "occurred_at": now, "event_type": "user.changed",
            "metadata": {
                "correlation_id": "forged", "source": "identity", "user_id": person.user_id, "tenant_id": person.tenant_id,
                "key": person.user_id, "sequence": 9,
            },
            "user": {
                "id": person.user_id, "tenant_id": person.tenant_id, "email": "forged@example.com", "display_name": "Forged", "phone": null,
                "timezone": "Asia/Tokyo", "notification_preferences": { "in_app": true, "email": true, "sms": false }, "version": 9,
                "created_at": now,
            },
        },
    })
}

/// How many inboxes know the event.
async fn known(suite: &Suite, event: &Value) -> Result<i64> {
    let (database, id) = (Database::of(suite).await?, event["id"].as_str().unwrap_or_default().parse::<Uuid>()?);
    let mut known = 0;
    for app in ["tasks", "reminders", "notifications", "messaging", "audit"].into_iter().filter(|app| suite.runs(app)) {
        known += database.count(&format!("select count(*) from {app}.processed_events where event_id = $1"), &[&id]).await?;
    }
    Ok(known)
}

#[tokio::test]
async fn contract_event_and_job_routes_open_only_to_the_apps_own_sidecar() -> Result<()> {
    story(async |suite, person| {
        let event = user_changed(&person);
        let routes = for_sidecars(&suite).await?;
        ensure!(routes.len() > suite.stack().instances().len(), "only {} routes", routes.len());
        for inner in &routes {
            let token = inner.instance.app_api_token.as_str();
            let others = suite.stack().instances().iter().find(|other| other.app != inner.instance.app).context("another app")?;
            let bearer = format!("Bearer {}", person.token);
            for (what, headers, expected) in [
                ("no token", vec![], 401),
                ("an empty token", vec![("dapr-api-token", "")], 401),
                ("half the token", vec![("dapr-api-token", &token[..token.len() / 2])], 401),
                ("another app's token", vec![("dapr-api-token", others.app_api_token.as_str())], 401),
                ("the sidecar's own token", vec![("dapr-api-token", inner.instance.dapr_api_token.as_str())], 401),
                ("a person's token", vec![("authorization", bearer.as_str())], 401),
                (
                    "a call that was forwarded",
                    vec![("dapr-api-token", token), ("dapr-callee-app-id", inner.instance.app.as_str())],
                    404,
                ),
                (
                    "a call that was forwarded for someone",
                    vec![("dapr-api-token", token), ("dapr-callee-app-id", "x"), ("dapr-caller-app-id", "x")],
                    404,
                ),
            ] {
                let status = inner.ask(&suite, &headers, &event).await?.status().as_u16();
                ensure!(status == expected, "{}, {what}: {status}", inner.name());
            }
        }
        ensure!(known(&suite, &event).await? == 0, "the forged event had an effect");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_no_app_reaches_anothers_event_and_job_routes_through_its_sidecar() -> Result<()> {
    story(async |suite, person| {
        let event = user_changed(&person);
        let bearer = format!("Bearer {}", person.token);
        for inner in &for_sidecars(&suite).await? {
            let others = suite.stack().instances().iter().filter(|other| other.app != inner.instance.app && other.index == 0);
            for other in others {
                for headers in [
                    vec![("authorization", bearer.as_str())],
                    vec![
                        ("dapr-caller-app-id", inner.instance.app.as_str()),
                        ("dapr-api-token", inner.instance.app_api_token.as_str()),
                    ],
                ] {
                    let statuses = inner.ask_through(&suite, other, &headers, &event).await?;
                    // 401: the sidecar itself refused the callee's token in the place of its own.
                    let refused = statuses.iter().all(|status| matches!(status, 401 | 404));
                    ensure!(refused, "{} through {}: {statuses:?}", inner.name(), other.app);
                }
            }
        }
        ensure!(known(&suite, &event).await? == 0, "the forged event had an effect");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_internal_routes_open_only_to_apps_with_their_own_token_for_the_callee() -> Result<()> {
    story(async |suite, person| {
        for inner in &for_apps(&suite).await? {
            let app = inner.instance.app.as_str();
            let of_an_app = |scope: String| {
                token(&suite, |claims| {
                    (claims.user_id, claims.tenant_id, claims.sub, claims.scope) = (None, None, inner.caller.into(), scope)
                })
            };
            let callee = format!("internal:{app}");
            let another = of_an_app("internal:elsewhere user ops".to_owned())?;
            let persons_own = person.with_token(|claims| claims.scope = format!("user ops {callee}"))?;
            let good = of_an_app(callee)?;
            let shown = inner.instance.app_api_token.as_str();
            for (what, api_token, bearer, expected) in [
                ("no sidecar's token", "", good.as_str(), 401),
                ("another sidecar's token", inner.instance.dapr_api_token.as_str(), &good, 401),
                ("no token of an app", shown, "", 401),
                ("garbage", shown, "a.b.c", 401),
                ("a person's token", shown, &person.token, 403),
                ("a person's token with the scope", shown, &persons_own.token, 403),
                ("a token for another app", shown, &another, 403),
            ] {
                let authorization = format!("Bearer {bearer}");
                let headers = [("dapr-api-token", api_token), ("authorization", authorization.as_str())];
                let status = inner.ask(&suite, &headers, &json!({})).await?.status().as_u16();
                ensure!(status == expected, "{}, {what}: {status}", inner.name());
            }
            let authorization = format!("Bearer {good}");
            let headers = [("dapr-api-token", shown), ("authorization", authorization.as_str())];
            let answer = inner.ask(&suite, &headers, &json!({ "nothing": "known" })).await?;
            let (status, body) = (answer.status().as_u16(), answer.text().await?);
            ensure!(status == 422 || status == 400, "{} passed the door and was read: {status} {body}", inner.name());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_person_is_refused_on_internal_routes_also_through_a_sidecar() -> Result<()> {
    story(async |suite, person| {
        for inner in &for_apps(&suite).await? {
            let gateway = suite.stack().instance("gateway", 0)?;
            let bearer = format!("Bearer {}", person.token);
            let statuses = inner.ask_through(&suite, gateway, &[("authorization", bearer.as_str())], &json!({})).await?;
            ensure!(statuses == [403, 403], "{}: {statuses:?}", inner.name());
            let statuses = inner.ask_through(&suite, gateway, &[], &json!({})).await?;
            ensure!(statuses == [401, 401], "{}: {statuses:?}", inner.name());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_sidecar_answers_nobody_without_its_token() -> Result<()> {
    story(async |suite, _| {
        for instance in suite.stack().instances() {
            for path in ["/v1.0/metadata", "/v1.0/secrets/secretstore/bulk", "/v1.0/invoke/tasks/method/tasks"] {
                let url = format!("http://127.0.0.1:{}{path}", instance.dapr_http_port);
                let status = suite.client().get(&url).send().await?.status().as_u16();
                ensure!(status == 401, "{path} of {}'s sidecar: {status}", instance.app);
            }
        }
        Ok(())
    })
    .await
}
