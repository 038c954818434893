//! What is behind the gateway fails, and the gateway keeps its word: it answers at once, asks nobody more often than it may, lets no other
//! app suffer, and finds back by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use stack::Instance;
use tests::{Answer, Person, Suite, eventually, metrics, raw};
use uuid::Uuid;

use super::{BACK, SOON, alone, limits, options, say};

/// Failures in a row that open a circuit.
const FAILURES: usize = 5;
/// How long a circuit stays open, in place of half a minute.
const OPEN: Duration = Duration::from_secs(3);
/// How long an open circuit may take to say no.
const FAST: Duration = Duration::from_millis(10);
/// Requests that find a circuit open.
const REFUSED: usize = 50;
/// Reads while one of two replicas is killed.
const READS: usize = 1_000;
/// Who reads at the same time.
const READERS: usize = 8;
/// Changes that an app dies with. Fewer than would open the circuit.
const CUT_OFF: usize = 4;
/// Attempts that one request may cost, over all layers.
const ATTEMPTS: usize = 3;

/// One request to a port of one's own choice.
pub(super) struct Ask<'a> {
    pub at: u16,
    pub person: &'a Person,
    pub method: Method,
    pub path: &'a str,
}

impl Ask<'_> {
    /// Sends it with a body.
    pub async fn with(self, suite: &Suite, body: &Value) -> Result<Answer> {
        self.send(suite, |request| request.json(body)).await
    }

    /// Sends it under a correlation id.
    pub async fn under(self, suite: &Suite, correlation_id: &str) -> Result<Answer> {
        let body = json!({ "title": "Report" });
        let post = self.method == Method::POST;
        self.send(suite, |request| {
            let request = request.header("x-correlation-id", correlation_id);
            if post { request.json(&body) } else { request }
        })
        .await
    }

    async fn send(self, suite: &Suite, add: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Result<Answer> {
        let url = format!("http://127.0.0.1:{}{}", self.at, self.path);
        let response = add(suite.client().request(self.method, url).bearer_auth(&self.person.token)).send().await?;
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await? })
    }
}

/// The instances of the gateway.
pub(super) fn gateways(suite: &Suite) -> Vec<&Instance> {
    suite.stack().instances().iter().filter(|instance| instance.app == "gateway").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_while_parts_behind_the_gateway_fail_it_keeps_its_word() -> Result<()> {
    let mut options = options("gateway", &["identity", "tasks", "gateway"])?;
    options.replicas = [("tasks".to_owned(), 2), ("gateway".to_owned(), 2)].into();
    let settings = options.env.entry("gateway".to_owned()).or_default();
    settings.insert("BREAKER_OPEN_SECONDS".to_owned(), OPEN.as_secs().to_string());
    alone(options, run).await
}

async fn run(suite: &Suite) -> Result<()> {
    let person = suite.person()?;
    let refused = limits::sixty_pass_and_one_does_not(suite).await?;
    what_a_client_does_wrong_opens_nothing(suite, &person).await?;
    a_replica_that_dies_costs_no_read(suite, &person).await?;
    no_request_is_tried_too_often(suite, &person).await?;
    what_was_cut_off_is_not_done_again(suite, &person).await?;
    a_circuit_opens_and_closes(suite, &person).await?;
    limits::a_later_one_passes(suite, refused).await?;
    limits::each_limits_by_itself_while_the_counters_are_away(suite).await
}

/// `circuit_breaker_state` of one instance: 0 closed, 1 half-open, 2 open.
async fn circuit(suite: &Suite, gateway: &Instance, target: &str) -> Result<f64> {
    Ok(metrics::at(suite, gateway.app_port, "circuit_breaker_state", &[("target", target)]).await?.unwrap_or(-1.0))
}

async fn what_a_client_does_wrong_opens_nothing(suite: &Suite, person: &Person) -> Result<()> {
    let gateway = gateways(suite)[0];
    for _ in 0..4 * FAILURES {
        let path = format!("/tasks/{}", Uuid::now_v7());
        let ask = |method, path| Ask { at: gateway.app_port, person, method, path };
        ask(Method::GET, &path).with(suite, &Value::Null).await?.is(404)?;
        ask(Method::POST, "/tasks").with(suite, &json!({ "title": "" })).await?.is(422)?;
        ask(Method::GET, "/tasks?sort=colour").with(suite, &Value::Null).await?.is(422)?;
    }
    ensure!(circuit(suite, gateway, "tasks").await? == 0.0, "a client's mistakes have opened the circuit");

    // Bodies that were announced, or begun, and do not come: short ones, long ones, and those of a length that nobody said.
    let slow = |length: &str, begun: &str| {
        let head = format!(
            "POST /tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n{length}\r\n\r\n{begun}",
            person.token
        );
        async move { raw::exchange(gateway.app_port, head.as_bytes()).await }
    };
    let kinds = [("content-length: 100", "{"), ("content-length: 200000", "{"), ("transfer-encoding: chunked", "1\r\n{\r\n")];
    let answers = try_join_all((0..6 * kinds.len()).map(|number| slow(kinds[number % 3].0, kinds[number % 3].1))).await?;
    let refused = answers.iter().all(|answer| answer.status == 400 && answer.body.contains("too slowly"));
    ensure!(refused, "slow clients: {answers:?}");
    ensure!(circuit(suite, gateway, "tasks").await? == 0.0, "slow clients have opened the circuit");
    Ok(())
}

/// One of two replicas is killed while others read: first the app, then its sidecar, then both, as a pod ends.
async fn a_replica_that_dies_costs_no_read(suite: &Suite, person: &Person) -> Result<()> {
    let task = person.create_task(&json!({ "title": "read" })).await?;
    let read = Arc::new(AtomicUsize::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let (suite, person, read, path) = (suite.anew()?, person.clone(), read.clone(), format!("/tasks/{}", task.id));
        readers.spawn(async move {
            let mut failed = Vec::new();
            while read.fetch_add(1, Ordering::Relaxed) < READS {
                let answer = Person { suite: suite.clone(), ..person.clone() }.get(&path).await?;
                if answer.status != 200 {
                    failed.push(format!("{} {}", answer.status, answer.body));
                }
            }
            anyhow::Ok(failed)
        });
    }
    let reach = async |count: usize| {
        let enough = async || Ok((read.load(Ordering::Relaxed) >= count).then_some(()));
        eventually("reads go on", SOON, enough).await
    };
    let mut killed = Vec::new();
    for (at, parts) in
        [(READS / 5, &["tasks-1"][..]), (READS * 2 / 5, &["tasks-daprd"]), (READS * 3 / 5, &["tasks-1", "tasks-1-daprd"])]
    {
        reach(at).await?;
        // The other one lives: what was killed before is back.
        suite.stack().wait_ready(BACK).await?;
        for part in parts {
            suite.stack().kill9(part).await?;
        }
        killed.push(read.load(Ordering::Relaxed));
    }
    let mut failed = Vec::new();
    while let Some(reader) = readers.join_next().await {
        failed.extend(reader??);
    }
    say(&format!("killed after {killed:?} of {READS} reads: {} failed", failed.len()));
    ensure!(failed.is_empty(), "{} of {READS} reads failed: {}", failed.len(), failed[0]);
    suite.stack().wait_ready(BACK).await
}

/// How often a request under this correlation id has come to an instance of an app; its access lines say it.
fn came_to(suite: &Suite, app: &str, correlation_id: &str) -> Result<usize> {
    let mut count = 0;
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == app) {
        let log = std::fs::read_to_string(&instance.log)?;
        count += log.lines().filter(|line| line.contains(correlation_id) && line.contains("\"request\"")).count();
    }
    Ok(count)
}

/// Both layers together, the gateway and its sidecar, try no request more than three times, and one that changes something once.
async fn no_request_is_tried_too_often(suite: &Suite, person: &Person) -> Result<()> {
    let gateway = gateways(suite)[1].app_port;
    // The app answers that it cannot.
    suite.stack().stop("postgres").await?;
    for (method, most) in [(Method::POST, 1), (Method::GET, ATTEMPTS)] {
        let id = format!("failing-{}", Uuid::new_v4().simple());
        let answer = Ask { at: gateway, person, method: method.clone(), path: "/tasks" }.under(suite, &id).await?;
        answer.is(503)?;
        let came = came_to(suite, "tasks", &id)?;
        ensure!((1..=most).contains(&came), "{method} came {came} times");
    }
    suite.stack().start_part("postgres").await?;
    suite.stack().wait_ready(BACK).await?;
    closes_again(suite, gateways(suite)[1], person).await?;

    // The app takes the request and does not answer in time.
    let apps = ["tasks", "tasks-1"];
    for part in apps {
        suite.stack().pause(part).await?;
    }
    let ids: Vec<String> = ["POST", "GET"].map(|method| format!("slow-{method}-{}", Uuid::new_v4().simple())).into();
    let ask = |method, id| Ask { at: gateway, person, method, path: "/tasks" }.under(suite, id);
    let (post, get) = tokio::try_join!(ask(Method::POST, &ids[0]), ask(Method::GET, &ids[1]))?;
    for answer in [&post, &get] {
        ensure!(matches!(answer.status.as_u16(), 503 | 504), "{} {}", answer.status, answer.body);
    }
    for part in apps {
        suite.stack().resume(part).await?;
    }
    suite.stack().wait_ready(BACK).await?;
    // What was still on its way when the app went on has arrived when a later request has.
    let later = format!("later-{}", Uuid::new_v4().simple());
    eventually("a later request arrives", SOON, async || {
        Ask { at: gateway, person, method: Method::GET, path: "/tasks" }.under(suite, &later).await?.is(200)?;
        Ok((came_to(suite, "tasks", &later)? > 0).then_some(()))
    })
    .await?;
    for (id, most) in ids.iter().zip([1, ATTEMPTS]) {
        let came = came_to(suite, "tasks", id)?;
        ensure!(came <= most, "{id} came {came} times");
    }
    closes_again(suite, gateways(suite)[1], person).await
}

/// An app dies with requests in its hands. Nobody knows whether it did them, so nobody sends them once more, neither the gateway nor a
/// sidecar, though the app is back in time for it.
async fn what_was_cut_off_is_not_done_again(suite: &Suite, person: &Person) -> Result<()> {
    let (gateway, only) = (gateways(suite)[1], suite.stack().instance("tasks", 1)?);
    for part in ["tasks", "tasks-daprd"] {
        suite.stack().stop(part).await?;
    }
    suite.stack().pause("tasks-1").await?;
    let posts = try_join_all((0..CUT_OFF).map(|number| {
        let body = json!({ "title": format!("cut off {number}") });
        async move { Ask { at: gateway.app_port, person, method: Method::POST, path: "/tasks" }.with(suite, &body).await }
    }));
    let kill = async {
        eventually("the app has them all", SOON / 4, async || {
            let unread = unread(only.app_port)?;
            ensure!(unread >= CUT_OFF, "it has {unread}");
            Ok(Some(()))
        })
        .await?;
        suite.stack().kill9("tasks-1").await
    };
    let (answers, ()) = tokio::try_join!(posts, kill)?;
    suite.stack().start_part("tasks-daprd").await?;
    suite.stack().start_part("tasks").await?;
    suite.stack().wait_ready(BACK).await?;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    let done = person.list("?search=cut%20off").await?.total;
    ensure!(done == 0 && statuses.iter().all(|status| *status == 503), "{done} were done once more: {statuses:?}");
    closes_again(suite, gateway, person).await
}

/// How many connections to a port hold something that was not read yet (proc(5), `/proc/net/tcp`: local address, then both queues).
fn unread(port: u16) -> Result<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let waits = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let here = fields.get(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}")));
        let queued = fields.get(4).and_then(|queues| u64::from_str_radix(queues.split_once(':')?.1, 16).ok());
        // State 01 is an open connection; that of a listener counts who waits to be let in.
        here && fields.get(3) == Some(&"01") && queued.is_some_and(|bytes| bytes > 0)
    };
    Ok(table.lines().skip(1).filter(waits).count())
}

/// Waits until the circuit is closed: it may be open from what came before.
async fn closes_again(suite: &Suite, gateway: &Instance, person: &Person) -> Result<()> {
    eventually("the circuit closes", SOON, async || {
        let answer = Ask { at: gateway.app_port, person, method: Method::GET, path: "/tasks" }.under(suite, "closes").await?;
        Ok((answer.status == 200 && circuit(suite, gateway, "tasks").await? == 0.0).then_some(()))
    })
    .await
}

async fn a_circuit_opens_and_closes(suite: &Suite, person: &Person) -> Result<()> {
    let [gateway, other] = gateways(suite)[..] else { anyhow::bail!("two gateways") };
    let post = async || Ask { at: gateway.app_port, person, method: Method::POST, path: "/tasks" }.under(suite, "circuit").await;
    let get = async || Ask { at: gateway.app_port, person, method: Method::GET, path: "/tasks" }.under(suite, "circuit").await;
    let apps = ["tasks", "tasks-1"];
    for part in apps {
        suite.stack().stop(part).await?;
    }
    let mut slow = Vec::new();
    for number in 1..=FAILURES {
        ensure!(circuit(suite, gateway, "tasks").await? == 0.0, "open after {} failures", number - 1);
        let began = Instant::now();
        post().await?.is(503)?;
        slow.push(began.elapsed());
    }
    ensure!(circuit(suite, gateway, "tasks").await? == 2.0, "not open after {FAILURES} failures");
    let opened = Instant::now();
    let mut fast = Vec::new();
    for _ in 0..REFUSED {
        let began = Instant::now();
        ensure!(!get().await?.is(503)?.header("retry-after").is_empty(), "when to come back");
        fast.push(began.elapsed());
    }
    fast.sort_unstable();
    // The middle one: one of fifty may meet a machine that has other things to do.
    ensure!(opened.elapsed() < OPEN && fast[REFUSED / 2] < FAST, "{REFUSED} refusals took {fast:?}");

    // It is this app's circuit, at this instance, and everyone may know.
    ensure!(
        circuit(suite, gateway, "identity").await? == 0.0 && circuit(suite, other, "tasks").await? == 0.0,
        "others are closed"
    );
    let keys = Ask { at: gateway.app_port, person, method: Method::GET, path: "/.well-known/jwks.json" };
    keys.under(suite, "circuit").await?.is(200)?;
    let health = Ask { at: gateway.app_port, person, method: Method::GET, path: "/health" }.under(suite, "circuit").await?;
    ensure!(health.is(200)?.json()["checks"]["circuit tasks"] == "open", "{}", health.body);

    // One probe, which fails: open for as long again.
    let over = async |since: Instant| {
        eventually("the circuit's time is over", SOON, async || Ok((since.elapsed() > OPEN).then_some(()))).await
    };
    over(opened).await?;
    post().await?.is(503)?;
    ensure!(circuit(suite, gateway, "tasks").await? == 2.0, "a probe that fails opens it again");
    let opened = Instant::now();

    // The app is back, but slow: one asks, the others are refused meanwhile.
    for part in apps {
        suite.stack().start_part(part).await?;
    }
    suite.stack().wait_ready(BACK).await?;
    over(opened).await?;
    for part in apps {
        suite.stack().pause(part).await?;
    }
    let probe = async {
        let answers = try_join_all((0..6).map(|_| get()));
        let resume = async {
            eventually("the probe is on its way", SOON, async || {
                Ok((circuit(suite, gateway, "tasks").await? == 1.0).then_some(()))
            })
            .await?;
            for part in apps {
                suite.stack().resume(part).await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(answers, resume)
    };
    let (answers, ()) = probe.await?;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    ensure!(statuses == [200, 503, 503, 503, 503, 503], "{statuses:?}");
    let back = opened.elapsed();
    ensure!(circuit(suite, gateway, "tasks").await? == 0.0, "closed by the probe");
    post().await?.is(201)?;
    say(&format!(
        "a callee that is away: failures took {slow:?}, refusals in the middle {:?}, at most {:?}; served again {back:?} after it opened",
        fast[REFUSED / 2],
        fast[REFUSED - 1]
    ));
    Ok(())
}
