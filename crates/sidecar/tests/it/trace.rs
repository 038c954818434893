//! Trace context and correlation id go along with every call, and every call is reported.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method};
use sidecar::invoke::{Path, Request};
use sidecar::{Call, Context, Observer, Sidecar, Statement, Trace};
use uuid::Uuid;

use crate::ground::shared;

/// Block, name, the span above, its own, and whether it went well.
type Seen = (&'static str, String, Option<Trace>, Trace, bool);

#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Seen>>>);

impl Observer for Calls {
    fn observe(&self, call: &Call<'_>) {
        let parent = call.parent.as_ref().map(|parent| parent.trace);
        self.0.lock().unwrap().push((call.block, call.name.to_owned(), parent, call.trace, call.error.is_none()));
    }
}

async fn call(sidecar: &Sidecar, segment: &str) {
    let request = Request {
        app: "identity",
        method: Method::GET,
        path: Path::forwarded(&["traced", segment]).unwrap(),
        query: None,
        headers: HeaderMap::new(),
        body: reqwest::Body::default(),
        timeout: Duration::from_secs(5),
    };
    sidecar.invoke(request).await.unwrap();
}

#[tokio::test]
async fn the_callee_sees_the_trace_and_the_correlation_id_of_the_caller() {
    let ground = shared().await;
    let (sidecar, mark) = (ground.sidecar("tasks"), Uuid::new_v4().to_string());
    let context = Context { correlation_id: "order-42.a_b".into(), ..Context::root() };
    sidecar::trace::within(context.clone(), call(&sidecar, &mark)).await;
    let heard = ground.peer("identity").heard(|heard| heard.path.ends_with(&mark)).remove(0);
    assert_eq!(heard.header("x-correlation-id"), "order-42.a_b");
    let seen = Trace::parse(heard.header("traceparent")).unwrap();
    assert_eq!(seen.trace_id, context.trace.trace_id);
    assert_ne!(seen.span_id, context.trace.span_id);
}

#[tokio::test]
async fn every_call_is_reported_as_a_child_of_the_work_in_hand() {
    let ground = shared().await;
    let calls = Calls::default();
    let sidecar = ground.observed("tasks", Duration::from_secs(5), calls.clone());
    let context = Context::root();
    sidecar::trace::within(context.clone(), async {
        call(&sidecar, "reported").await;
        sidecar.sql("database-tasks").query::<i64>(&Statement::new("one", "select 1::text"), &()).await.unwrap();
        sidecar.sql("database-tasks").exec(&Statement::new("broken", "selekt"), &()).await.unwrap_err();
        sidecar.state("statestore").get::<i64>("reported").await.unwrap();
        sidecar.secret("secretstore", "nothing").await.unwrap_err();
        sidecar.health().await.unwrap();
    })
    .await;
    let seen = calls.0.lock().unwrap().clone();
    let named: Vec<(&str, &str, bool)> = seen.iter().map(|(block, name, _, _, good)| (*block, name.as_str(), *good)).collect();
    assert_eq!(
        named,
        [
            ("invoke", "identity", true),
            ("sql", "one", true),
            ("sql", "broken", false),
            ("state", "statestore", true),
            ("secret", "nothing", false),
            ("health", "/v1.0/healthz/outbound", true),
        ]
    );
    assert!(seen.iter().all(|(_, _, parent, own, _)| *parent == Some(context.trace) && own.trace_id == context.trace.trace_id));
    let spans: BTreeSet<u64> = seen.iter().map(|(_, _, _, own, _)| own.span_id).collect();
    assert_eq!(spans.len(), seen.len());
}
