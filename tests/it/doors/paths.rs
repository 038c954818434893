//! Hostile paths, byte by byte: each is nobody's, and no app and no sidecar ever hears of it (DECISIONS 1).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::raw::{Raw, exchange, request};
use tests::zipkin::Trace;
use tests::{Person, Suite, eventually, story};
use uuid::Uuid;

/// Access lines and spans are written a moment after the answer.
const SOON: Duration = Duration::from_secs(60);

/// Request targets that want to be somewhere else than they say. None has a query, so that none can hide behind `?`.
const HOSTILE: [&[u8]; 57] = [
    // Dot segments: plain, encoded, encoded twice and three times, mixed, with a semicolon, with a dot too many.
    b"/tasks/../v1.0/secrets/secretstore/bulk",
    b"/tasks/../../v1.0/shutdown",
    b"/tasks/%2e%2e/events/task-events",
    b"/tasks/%2E%2E/internal/tasks/open",
    b"/tasks/.%2e/v1.0/metadata",
    b"/tasks/%2e./v1.0/metadata",
    b"/tasks/%252e%252e/v1.0/metadata",
    b"/tasks/%25252e%25252e/v1.0/metadata",
    b"/tasks/%252e%252e%252fv1.0%252fmetadata",
    b"/tasks/..",
    b"/tasks/.",
    b"/tasks/%2e",
    b"/tasks/../tasks",
    b"/./tasks",
    b"/../tasks",
    b"/.well-known/../internal/sessions",
    b"/app/../v1.0/metadata",
    b"/app/%2e%2e/internal/sessions",
    b"/app/static/%2e%2e/%2e%2e/internal/sessions",
    b"/api/v1/../internal/tasks/open",
    b"/api/v1/tasks/%2e%2e",
    // Slashes that are none, or too many.
    b"/tasks/..%2fv1.0%2fmetadata",
    b"/tasks%2f..%2fv1.0%2fmetadata",
    b"/tasks/a%2fcomplete",
    b"/tasks/a%252fb",
    b"//tasks",
    b"/tasks//",
    b"/tasks//complete",
    b"//v1.0/metadata",
    b"/api/v1//tasks",
    b"/tasks/..\\v1.0\\metadata",
    b"/tasks\\..\\v1.0\\metadata",
    b"/tasks/..%5cv1.0%5cmetadata",
    b"/app//evil.example",
    // The sidecar's own roads, and those that are only for sidecars, apps and operators.
    b"/v1.0/secrets/secretstore/bulk",
    b"/v1.0/invoke/tasks/method/internal/tasks/open",
    b"/v1.0-alpha1/configuration/configuration",
    b"/V1.0/metadata",
    b"/v1%2e0/metadata",
    b"/dapr/config",
    b"/events/task-events",
    b"/Events/task-events",
    b"/jobs/reminder-trigger",
    b"/job/reminder-trigger",
    b"/internal/tasks/open",
    b"/INTERNAL/tasks/open",
    b"/internal/replay/task-events",
    b"/api/v1/internal/tasks/open",
    // Bytes that are no text: overlong UTF-8 of `.` and `/`, half a character, NUL, line ends, broken escapes.
    b"/tasks/%c0%ae%c0%ae/v1.0/metadata",
    b"/tasks/..%c0%afv1.0%c0%afmetadata",
    b"/tasks/%ff",
    b"/tasks/a%00",
    b"/tasks/%0d%0aHost:%20identity",
    b"/tasks/%zz",
    b"/tasks/%2",
    b"/tasks/%u002e%u002e/v1.0/metadata",
    b"/tasks/a%0a",
];

/// Targets that HTTP itself does not allow, or that name another host: never an answer but a refusal.
const BROKEN: [&[u8]; 10] = [
    b"*",
    b"tasks",
    b"http://127.0.0.1/v1.0/secrets/secretstore/bulk",
    b"http://identity/internal/sessions",
    b"http://localhost/tasks/../v1.0/metadata",
    b"https://evil.example//v1.0/metadata",
    b"file:///etc/passwd",
    b"/tasks/\0",
    b"/tasks/\x01..",
    b"/tasks/ ../v1.0/metadata",
];

/// Roads for looking in that are closed to whoever comes through a door.
const INSIDE: [&[u8]; 7] =
    [b"/metrics", b"/health/dapr", b"/dapr/subscribe", b"/metrics/", b"/dapr/metadata", b"/health/dapr/", b"/healthz"];

#[tokio::test]
async fn contract_a_hostile_path_is_nobodys_and_nobody_hears_of_it() -> Result<()> {
    story(async |suite, person| {
        let doors = doors(&suite)?;
        for method in ["GET", "POST", "DELETE"] {
            let mut asked = Vec::new();
            for (target, port) in HOSTILE.iter().flat_map(|target| doors.iter().map(move |port| (*target, *port))) {
                let id = format!("hostile-{}", Uuid::new_v4().simple());
                let answer = ask(port, method, target, &id, &person).await?;
                let shown = format!("{method} {} at {port}: {} {}", show(target), answer.head, answer.body);
                ensure!(answer.status == 404 && answer.json()["code"] == "not_found", "{shown}");
                ensure!(answer.json()["correlation_id"] == id.as_str(), "{shown}");
                asked.push((id, answer.json()["trace_id"].as_str().unwrap_or_default().to_owned(), shown));
            }
            nobody_heard(&suite, &person, &asked).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn contract_a_request_that_http_does_not_allow_is_refused_and_nobody_hears_of_it() -> Result<()> {
    story(async |suite, person| {
        let mut asked = Vec::new();
        for port in doors(&suite)? {
            for target in BROKEN {
                for method in ["GET", "OPTIONS", "CONNECT"] {
                    let id = format!("hostile-{}", Uuid::new_v4().simple());
                    let answer = ask(port, method, target, &id, &person).await?;
                    let shown = format!("{method} {} at {port}: {} {}", show(target), answer.head, answer.body);
                    ensure!(matches!(answer.status, 0 | 400 | 404 | 405), "{shown}");
                    asked.push((id, String::new(), shown));
                }
            }
        }
        nobody_heard(&suite, &person, &asked).await
    })
    .await
}

#[tokio::test]
async fn contract_metrics_and_health_of_the_sidecar_are_not_for_the_outside() -> Result<()> {
    story(async |suite, person| {
        for target in INSIDE {
            for method in ["GET", "POST", "HEAD"] {
                let answer = ask(suite.front_port()?, method, target, "inside", &person).await?;
                // Another method learns at most that it is the wrong one.
                let closed = answer.status == 404 || method == "POST" && answer.status == 405;
                ensure!(closed, "{method} {} {}: {}", show(target), answer.head, answer.body);
            }
        }
        // Whoever asks from inside gets an answer: else nobody would see that these are the roads.
        let port = suite.stack().instance("gateway", 0)?.app_port;
        for target in [b"/metrics".as_slice(), b"/health/dapr"] {
            let answer = exchange(port, &request("GET", target, &[])).await?;
            ensure!(answer.status == 200, "{} {}: {}", show(target), answer.head, answer.body);
        }
        Ok(())
    })
    .await
}

/// The front door, and each gateway itself, for whoever has passed the front door.
fn doors(suite: &Suite) -> Result<Vec<u16>> {
    Ok(vec![suite.front_port()?, suite.stack().instance("gateway", 0)?.app_port])
}

async fn ask(port: u16, method: &str, target: &[u8], id: &str, person: &Person) -> Result<Raw> {
    let bearer = format!("Bearer {}", person.token);
    exchange(port, &request(method, target, &[("Authorization", &bearer), ("X-Correlation-ID", id)])).await
}

fn show(target: &[u8]) -> String {
    target.escape_ascii().to_string()
}

/// Neither an access line of an app behind the gateway, nor a span of anyone but the gateway's own.
async fn nobody_heard(suite: &Suite, person: &Person, asked: &[(String, String, String)]) -> Result<()> {
    // A good request after all the others: when its lines are there, theirs would be.
    let good = format!("good-{}", Uuid::new_v4().simple());
    let answer = ask(suite.front_port()?, "GET", b"/tasks", &good, person).await?;
    ensure!(answer.status == 200, "{} {}", answer.head, answer.body);
    let lines = eventually("the good request's access line", SOON, async || {
        let lines = lines(suite)?;
        Ok(lines.contains(&good).then_some(lines))
    })
    .await?;
    for (id, _, shown) in asked {
        ensure!(!lines.contains(id), "an app heard of {shown}: {:?}", lines.lines().find(|line| line.contains(id)));
    }
    for (_, trace_id, shown) in asked.iter().filter(|(_, trace_id, _)| !trace_id.is_empty()) {
        let trace = eventually("the gateway's span", SOON, async || {
            let trace = Trace::read(suite, trace_id).await?;
            Ok((!trace.spans.is_empty()).then_some(trace))
        })
        .await
        .with_context(|| shown.clone())?;
        ensure!(trace.spans.len() == 1, "{shown} went further:\n{}", trace.outline());
    }
    Ok(())
}

/// What all apps but the gateway have printed so far.
fn lines(suite: &Suite) -> Result<String> {
    let mut lines = String::new();
    for instance in suite.stack().instances().iter().filter(|instance| instance.app != "gateway") {
        lines.push_str(&std::fs::read_to_string(&instance.log).with_context(|| instance.log.display().to_string())?);
    }
    Ok(lines)
}
