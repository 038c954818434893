//! A thousand people at once, each with an account of their own, reading and writing with time to think between (TSK-1502).
//!
//! Only when it is named, since it takes six minutes: `cargo bench -p tests -- load`. `minutes=1` counts for shorter, and `think=2`, in
//! seconds, lets the same people ask more often: that finds out how much fits.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http::Method;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tests::eventually;
use tests::many;
use tests::person::Person;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::Chosen;
use crate::ground::Ground;
use crate::machine::{self, cpu};
use crate::report::{Goal, Report};
use crate::stats::Samples;

/// How many people.
const USERS: usize = 1_000;
/// Tasks that each has from the beginning.
const OWN: usize = 100;
/// They come one by one within this time, and what they do in it does not count.
const RAMP: Duration = Duration::from_secs(30);
/// How long is counted, and how long each thinks between two requests on average.
const MINUTES: f64 = 5.0;
const THINK: f64 = 10.0;
/// The goals, in milliseconds and in percent.
const P95: f64 = 200.0;
const ERRORS: f64 = 0.1;
/// Nobody waits longer; such a request is one that was not answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// Parts that take less than this share of one core are told together.
const SMALL: f64 = 0.01;

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    List,
    Filter,
    Search,
    Read,
    Create,
    Edit,
    Complete,
    Delete,
}

/// Each with its name and how many of a hundred requests it is.
const MIX: [(Kind, &str, usize); 8] = [
    (Kind::List, "list", 30),
    (Kind::Filter, "list with two filters, by due date", 20),
    (Kind::Search, "search for a word", 10),
    (Kind::Read, "read one", 15),
    (Kind::Create, "create", 15),
    (Kind::Edit, "edit", 4),
    (Kind::Complete, "complete", 3),
    (Kind::Delete, "delete", 3),
];

/// When everything begins, from when on requests count, and the end.
#[derive(Clone, Copy, Debug)]
struct Times {
    begin: Instant,
    counted: Instant,
    end: Instant,
    think: f64,
}

/// What was counted: times by kind, and how often each kind had each status; 0 is no answer.
#[derive(Debug, Default)]
struct Tally {
    times: BTreeMap<Kind, Samples>,
    statuses: BTreeMap<(Kind, u16), usize>,
}

/// Somebody at a machine of their own: a connection that is kept, and the tasks that their last list showed.
struct User {
    client: reqwest::Client,
    gateway: String,
    token: String,
    shown: Vec<Uuid>,
    random: StdRng,
}

/// Lets everybody in and measures.
///
/// # Errors
/// When the data cannot be made, or events stay behind. A request that fails is counted.
pub async fn measure(ground: &Ground, chosen: &Chosen, report: &mut Report) -> Result<()> {
    let client = ground.database.client();
    client.batch_execute("set search_path = tasks").await?;
    many::fill(client, ground.person.user_id, 1, i64::try_from(USERS * OWN)?).await?;
    client.batch_execute("vacuum analyze tasks").await?;
    let (think, counted) = (chosen.number("think", THINK)?, Duration::from_secs_f64(chosen.number("minutes", MINUTES)? * 60.0));
    let gateway = format!("http://127.0.0.1:{}", ground.instance("gateway")?.app_port);
    let users = (0..USERS).map(|number| User::new(ground, &gateway, number)).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    let times = Times { begin, counted: begin + RAMP, end: begin + RAMP + counted, think };
    let (tallies, costs) = tokio::try_join!(try_join_all(users.into_iter().map(|user| user.live(times))), costs(ground, times))?;
    let mut all = Tally::default();
    tallies.into_iter().for_each(|tally| all.add(tally));
    tell(&all, counted, think, report);
    report.add("CPU, in cores", costs.0, "", Goal::None, costs.1);
    settled(ground, &all, report).await
}

/// The figures of the requests.
fn tell(all: &Tally, counted: Duration, think: f64, report: &mut Report) {
    let mut every = Samples::default();
    all.times.values().for_each(|samples| every.extend(samples.clone()));
    let rate = every.len() as f64 / counted.as_secs_f64();
    let of = format!("{} requests in {:.1} min, think time {think} s on average", every.len(), counted.as_secs_f64() / 60.0);
    report.add(format!("{USERS} people, requests a second"), rate, "", Goal::None, of);
    let shares = |samples: &Samples| {
        format!(
            "{} requests; p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
            samples.len(),
            samples.at(0.5),
            samples.at(0.99),
            samples.at(1.0)
        )
    };
    report.add(format!("{USERS} people, p95"), every.at(0.95), " ms", Goal::Most(P95), shares(&every));
    for (kind, name, _) in MIX {
        if let Some(samples) = all.times.get(&kind) {
            report.add(format!("{name}, p95"), samples.at(0.95), " ms", Goal::None, shares(samples));
        }
    }
    let failed =
        all.statuses.iter().filter(|((kind, status), _)| *status != kind.expected()).map(|(_, count)| count).sum::<usize>();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    all.statuses.iter().for_each(|((_, status), count)| *statuses.entry(*status).or_default() += count);
    let words = |(status, count): (&u16, &usize)| match status {
        0 => format!("no answer: {count}"),
        status => format!("{status}: {count}"),
    };
    let statuses = statuses.iter().map(words).collect::<Vec<_>>().join(", ");
    let share = failed as f64 / every.len().max(1) as f64 * 100.0;
    report.add(format!("{USERS} people, errors"), share, " %", Goal::Most(ERRORS), format!("{failed} errors; {statuses}"));
}

/// What was written has its event, and the event has arrived.
async fn settled(ground: &Ground, all: &Tally, report: &mut Report) -> Result<()> {
    let began = Instant::now();
    ground.drained().await?;
    let missing = "select count(*) from tasks.outbox_events o
                   where topic = 'task-events' and not exists (select from audit.audit_logs a where a.event_id = o.id)";
    eventually("every event has arrived", Duration::from_secs(60), async || {
        Ok((ground.database.count(missing, &[]).await? == 0).then_some(()))
    })
    .await?;
    let letters = ground.database.count("select count(*) from audit.dead_letters", &[]).await?;
    ensure!(letters == 0, "{letters} dead letters");
    let created = all.statuses.get(&(Kind::Create, 201)).copied().unwrap_or_default();
    let events = ground.database.count("select count(*) from tasks.outbox_events where event_type = 'task.created'", &[]).await?;
    ensure!(events >= i64::try_from(created)?, "{events} events of {created} tasks");
    let detail = format!("of {events} created tasks and all else, no dead letter");
    report.add("until the last event has arrived", began.elapsed().as_secs_f64(), " s", Goal::None, detail);
    Ok(())
}

/// How many cores all parts took while requests counted, and which of them took how much of one.
async fn costs(ground: &Ground, times: Times) -> Result<(f64, String)> {
    let spent = || {
        let mut each = machine::spent(ground.stack())?;
        each.insert("the people".to_owned(), cpu(std::process::id())?);
        anyhow::Ok(each)
    };
    sleep_until(times.counted).await;
    let (before, busy_before) = (spent()?, machine::busy()?);
    sleep_until(times.end).await;
    let (after, busy) = (spent()?, machine::busy()?.saturating_sub(busy_before).as_secs_f64());
    let seconds = (times.end - times.counted).as_secs_f64();
    let cores = |(name, after): (String, Duration)| {
        let before = before.get(&name).copied().unwrap_or_default();
        (name, after.saturating_sub(before).as_secs_f64() / seconds)
    };
    let mut costs: Vec<(String, f64)> = after.into_iter().map(cores).collect();
    costs.sort_by(|one, other| other.1.total_cmp(&one.1));
    let sum: f64 = costs.iter().map(|(_, cost)| cost).sum();
    let (small, large): (Vec<_>, Vec<_>) = costs.into_iter().partition(|(_, cost)| *cost < SMALL);
    let mut words: Vec<String> = large.iter().map(|(name, cost)| format!("{name} {cost:.2}")).collect();
    words.push(format!("{} others {:.2}", small.len(), small.iter().map(|(_, cost)| cost).sum::<f64>()));
    words.push(format!("whatever else ran here {:.2}", (busy / seconds - sum).max(0.0)));
    Ok((sum, words.join(", ")))
}

impl Kind {
    /// What it is answered with.
    fn expected(self) -> u16 {
        match self {
            Self::Create => 201,
            Self::Delete => 204,
            _ => 200,
        }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (kind, samples) in other.times {
            self.times.entry(kind).or_default().extend(samples);
        }
        for (key, count) in other.statuses {
            *self.statuses.entry(key).or_default() += count;
        }
    }
}

impl User {
    /// One of those whom [`many::fill`] made tasks for. Their token is signed here, with the limits that everybody has: passwords cost by
    /// design, and nobody signs in every five minutes.
    fn new(ground: &Ground, gateway: &str, number: usize) -> Result<Self> {
        let id: Uuid = format!("00000000-0000-7000-8000-{number:012}").parse()?;
        let person = Person { user_id: id, tenant_id: id, ..ground.person.clone() }.with_token(|claims| claims.rate = None)?;
        let client = reqwest::Client::builder().timeout(PATIENCE).build().context("a client")?;
        let random = StdRng::seed_from_u64(u64::try_from(number)?);
        Ok(Self { client, gateway: gateway.to_owned(), token: person.token, shown: Vec::new(), random })
    }

    /// Comes, looks at the list, and goes on until the end.
    async fn live(mut self, times: Times) -> Result<Tally> {
        sleep_until(times.begin + RAMP.mul_f64(self.random.random())).await;
        let (mut tally, mut kind) = (Tally::default(), Kind::List);
        while Instant::now() < times.end {
            let sent = Instant::now();
            let status = self.ask(kind).await;
            if sent >= times.counted {
                tally.times.entry(kind).or_default().add(sent.elapsed());
                *tally.statuses.entry((kind, status)).or_default() += 1;
            }
            // Times between things that happen by themselves: most are short, some long.
            sleep(Duration::from_secs_f64(-times.think * (1.0 - self.random.random::<f64>()).ln())).await;
            kind = self.choose()?;
        }
        Ok(tally)
    }

    fn choose(&mut self) -> Result<Kind> {
        let (kind, ..) = MIX.choose_weighted(&mut self.random, |(.., share)| *share)?;
        let needs_one = matches!(kind, Kind::Read | Kind::Edit | Kind::Complete | Kind::Delete);
        Ok(if needs_one && self.shown.is_empty() { Kind::List } else { *kind })
    }

    /// One request; gives its status, 0 when there was no answer.
    async fn ask(&mut self, kind: Kind) -> u16 {
        let one = self.shown.choose(&mut self.random).copied().unwrap_or_default();
        let (method, path, body) = match kind {
            Kind::List => (Method::GET, "/tasks".to_owned(), None),
            Kind::Filter => (Method::GET, "/tasks?status=todo&priority=high&sort=due_date_asc".to_owned(), None),
            Kind::Search => (Method::GET, "/tasks?search=coffee".to_owned(), None),
            Kind::Read => (Method::GET, format!("/tasks/{one}"), None),
            Kind::Create => (Method::POST, "/tasks".to_owned(), Some(self.task())),
            Kind::Edit => (Method::PATCH, format!("/tasks/{one}"), Some(json!({ "title": "Submit the report at last" }))),
            Kind::Complete => (Method::POST, format!("/tasks/{one}/complete"), Some(json!({}))),
            Kind::Delete => (Method::DELETE, format!("/tasks/{one}"), None),
        };
        let mut request = self.client.request(method, format!("{}{path}", self.gateway)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let Ok(response) = request.send().await else { return 0 };
        let status = response.status().as_u16();
        // An answer that breaks off is none.
        let Ok(answer) = response.bytes().await else { return 0 };
        match kind {
            Kind::List | Kind::Filter | Kind::Search if status == 200 => {
                let page: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let ids = page["items"].as_array().into_iter().flatten().filter_map(|task| task["id"].as_str()?.parse().ok());
                self.shown = ids.collect();
            }
            Kind::Delete => self.shown.retain(|id| *id != one),
            _ => {}
        }
        status
    }

    /// A new task: half of them with a reminder, a third with a tag.
    fn task(&mut self) -> Value {
        let mut task = json!({ "title": "Submit report", "priority": "high", "due_at": "2099-03-01T14:00:00Z" });
        if self.random.random_bool(0.5) {
            task["reminder_offset_minutes"] = json!(60);
        }
        if self.random.random_bool(0.3) {
            task["tag_names"] = json!(["work"]);
        }
        task
    }
}
