//! A small app for this crate's own tests, under a name that owns a schema: it keeps what it was asked and does with events what they say.

use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use contracts::{Topic, topic};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};
use service::app::StartError;
use service::config::{Environment, FromEnvironment};
use service::door::CallingApp;
use service::event::{About, Origin, row};
use service::fields::{integer, text};
use service::migrate::Migration;
use service::request::{Id, JsonBody};
use service::subscribe::{Delivery, Effect, Failure, Subscriber, Subscription};
use service::{App, Base, Caller, Parts, Problem};
use sidecar::Statement;
use sidecar::invoke::{Path, Request};
use uuid::Uuid;

const CREATE: Statement = Statement::new(
    "create",
    "with i as (select * from jsonb_to_record($1::jsonb) as i(id uuid, name text, amount bigint, events jsonb)),
made as (insert into things select id, name, amount from i returning 1)
select enqueue(events) from i, made",
);
const READ: Statement = Statement::new(
    "read",
    "select coalesce((select to_jsonb(t) from things t where id = ($1::jsonb ->> 'id')::uuid), 'null')::text",
);
const TRY: Statement = Statement::new("try", "insert into attempts select $1::jsonb ->> 'id'");
const GATE: Statement =
    Statement::new("gate", "select to_jsonb(exists (select from gates where name = $1::jsonb ->> 'gate'))::text");
const TAKE_EFFECT: Statement = Statement::new(
    "effect",
    "with i as (select $1::jsonb ->> 'id' as id, $1::jsonb ->> 'topic' as topic),
fresh as (insert into processed_events (event_id, topic) select id::uuid, topic from i on conflict do nothing returning event_id)
insert into effects select event_id from fresh",
);
const LETTER: Statement = Statement::new("letter", "insert into letters select $1::jsonb ->> 'event_id', $1::jsonb");
const NEWS: Statement = Statement::new("news", "insert into news select $1::jsonb ->> 'id'");

const SUBSCRIPTIONS: [Subscription; 4] = [
    Subscription::work(topic::TASK_EVENTS),
    Subscription::work(topic::USER_EVENTS),
    Subscription::news(topic::TASK_UPDATES),
    Subscription::dead_letters("task-events-dlq"),
];

fn main() -> ExitCode {
    service::main::<Probe>()
}

struct Probe;

struct Depth;

impl FromEnvironment for Depth {
    fn read(environment: &mut Environment) -> Self {
        environment.get("PROBE_DEPTH", 3, "a setting of its own");
        Self
    }
}

#[derive(Serialize)]
struct Made {
    event_type: &'static str,
    mode: &'static str,
}

impl Topic for Made {
    const TOPIC: &'static str = topic::TASK_EVENTS;
    const AGGREGATE: &'static str = "thing";

    fn event_type(&self) -> &'static str {
        self.event_type
    }
}

impl App for Probe {
    const ID: &'static str = "tasks";
    const MIGRATIONS: &'static [Migration] = &[Migration::new(1, "probe", include_str!("probe.sql"))];
    const SUBSCRIPTIONS: &'static [Subscription] = &SUBSCRIPTIONS;
    type Settings = Depth;

    fn openapi() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }

    async fn start(base: Base, _: Depth) -> Result<Parts, StartError> {
        let public = Router::new()
            .route("/things", post(create))
            .route("/things/{id}", get(read))
            .route("/me", get(async |caller: Caller| caller.user_id.to_string()))
            .route("/panic", get(boom))
            .route("/onward", get(onward))
            .route(
                "/raw",
                post(async |body: JsonBody| {
                    StatusCode::from_u16(if body.raw.is_empty() { 500 } else { 200 }).unwrap_or_default()
                }),
            )
            .with_state(base.clone());
        Ok(Parts {
            public,
            jobs: Router::new().route("/tick", post(async || "ticked")),
            internal: Router::new().route("/poke", post(async |Extension(CallingApp(app)): Extension<CallingApp>| app)),
            subscriber: Some(Arc::new(Obedient { base })),
            ..Parts::default()
        })
    }
}

async fn create(
    State(base): State<Base>,
    caller: Caller,
    JsonBody { mut fields, .. }: JsonBody,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let name = fields.required("name", |value| text(value, 1, 60));
    let amount = fields.required("amount", |value| integer(value, 0, 9));
    fields.finish()?;
    let id = Uuid::now_v7();
    let about = About { user_id: caller.user_id, tenant_id: caller.tenant_id, aggregate_id: id, version: 1 };
    let event = row(&Origin::current(Probe::ID), about, Made { event_type: "thing.made", mode: "good" }, base.clock.now())?;
    let event_id = event.id;
    let document = json!({ "id": id, "name": name, "amount": amount, "events": [event] });
    base.database.write(&CREATE, &document).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "event_id": event_id }))))
}

async fn read(State(base): State<Base>, _: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    let found: Option<Value> = base.database.read(&READ, &json!({ "id": id })).await?;
    found.map(Json).ok_or_else(Problem::not_found)
}

async fn boom(headers: HeaderMap) -> StatusCode {
    assert!(headers.is_empty(), "password=hunter2 while running select * from secrets at 10.0.0.7");
    StatusCode::OK
}

async fn onward(State(base): State<Base>) -> Result<StatusCode, Problem> {
    let request = Request {
        app: "identity",
        method: Method::GET,
        path: Path::forwarded(&["onward"])?,
        query: None,
        headers: HeaderMap::new(),
        body: reqwest::Body::default(),
        timeout: std::time::Duration::from_secs(5),
    };
    Ok(base.sidecar.invoke(request).await?.status())
}

/// Does with an event what its `mode` says.
struct Obedient {
    base: Base,
}

impl Subscriber for Obedient {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        self.obey(delivery).boxed()
    }
}

impl Obedient {
    async fn obey(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let database = &self.base.database;
        let data = delivery.data();
        match delivery.topic.as_str() {
            "task-events-dlq" => {
                database.write(&LETTER, data).await?;
                return Ok(Effect::Done);
            }
            topic::TASK_UPDATES => {
                database.write(&NEWS, &json!({ "id": delivery.cloud.id })).await?;
                return Ok(Effect::Done);
            }
            _ => {}
        }
        let id = json!({ "id": delivery.cloud.id, "topic": delivery.topic, "gate": data["gate"] });
        database.write(&TRY, &id).await?;
        let open = async || database.read::<bool>(&GATE, &id).await;
        match data["mode"].as_str().unwrap_or_default() {
            "fail" => return Err(Failure::Failed("as it was told".into())),
            "permanent" => return Err(Failure::Permanent("as it was told".into())),
            "panic" => assert!(delivery.topic.is_empty(), "as it was told"),
            "unavailable" if !open().await? => return Err(Failure::Unavailable("the gate is closed".into())),
            "broken" if !open().await? => return Err(Failure::Failed("the gate is closed".into())),
            "ignore" => return Ok(Effect::Ignored),
            _ => {}
        }
        match database.write(&TAKE_EFFECT, &id).await? {
            0 => Ok(Effect::Duplicate),
            _ => Ok(Effect::Done),
        }
    }
}
