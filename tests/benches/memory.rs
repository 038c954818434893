//! Memory of each app: after a minute without a request, and at its highest under load.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use http::Method;
use serde_json::json;
use tests::person::Person;

use crate::ground::Ground;
use crate::machine::{pid, pss};
use crate::report::{Goal, Report};
use crate::stats::{Way, alone};

/// What "idle" means (DECISIONS 31).
const IDLE: Duration = Duration::from_secs(60);
/// How long the mixed load lasts.
const LOAD: Duration = Duration::from_secs(8);
const CALLERS: usize = 16;
/// How often an app is looked at under load.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The highest figures so far, in MB.
#[derive(Debug, Default)]
pub struct Memory {
    idle: BTreeMap<String, f64>,
    loaded: BTreeMap<String, f64>,
}

impl Memory {
    /// Lets a minute pass, then looks.
    ///
    /// # Errors
    /// When an app has ended.
    pub async fn idle(&mut self, ground: &Ground) -> Result<()> {
        tokio::time::sleep(IDLE).await;
        look(ground, &mut self.idle)
    }

    /// Looks while `work` runs.
    ///
    /// # Errors
    /// Those of `work`, or when an app has ended.
    pub async fn during<T>(&mut self, ground: &Ground, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                _ = looks.tick() => look(ground, &mut self.loaded)?,
            }
        }
    }

    /// The highest of both, and each app's.
    pub fn tell(&self, report: &mut Report) {
        for (what, most, figures) in [("idle for 60 s", 12.0, &self.idle), ("loaded", 32.0, &self.loaded)] {
            let highest = figures.values().copied().fold(0.0, f64::max);
            let each = figures.iter().map(|(app, figure)| format!("{app} {figure:.1}")).collect::<Vec<_>>().join(", ");
            report.add(format!("memory of the largest app (PSS), {what}"), highest, " MB", Goal::Most(most), each);
        }
    }
}

fn look(ground: &Ground, figures: &mut BTreeMap<String, f64>) -> Result<()> {
    for instance in ground.stack().instances() {
        let figure = pss(pid(ground.stack(), &instance.part())?)?;
        let highest = figures.entry(instance.app.clone()).or_default();
        *highest = highest.max(figure);
    }
    Ok(())
}

/// A little of everything that people do, as fast as the callers can.
///
/// # Errors
/// When a request is refused.
pub async fn load(ground: &Ground) -> Result<()> {
    let way: Way<'_> = Box::new(|round| one(ground, round).boxed());
    alone(CALLERS, LOAD, &way).await.map(drop)
}

async fn one(ground: &Ground, round: usize) -> Result<()> {
    let person = &ground.person;
    let seen = async |path: &str| -> Result<()> { person.get(path).await?.is(200).map(drop) };
    match round % 10 {
        0 => person
            .create_task(&json!({ "title": "Submit report", "due_at": "2099-03-01T14:00:00Z", "reminder_offset_minutes": 60 }))
            .await
            .map(drop),
        1 => seen("/notifications").await,
        2 => seen("/audit-logs").await,
        3 => seen("/").await,
        4 => seen("/app/sign-in").await,
        5 => seen("/app/static/app.css").await,
        6 => ground.direct("realtime", Method::GET, "/health", None, 200).await.map(drop),
        // Passwords are what costs memory: one in fifty requests makes or checks one.
        7 if round % 50 == 7 => Person::signed_up(ground.suite.clone()).await.map(drop),
        _ => seen("/tasks").await,
    }
}
