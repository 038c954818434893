//! What arrives: completed tasks.

use calendar::Calendar;
use chrono::{DateTime, Utc};
use contracts::task::{Task, TaskEvent};
use futures::future::BoxFuture;
use service::subscribe::{Delivery, Effect, Failure, Subscriber};

use crate::metrics::Metrics;
use crate::tasks::{Made, Tasks};

/// Handles the app's events.
pub struct Events {
    /// The way to tasks.
    pub tasks: Tasks,
    /// Counts.
    pub metrics: Metrics,
}

/// The only type of event that makes a task come again.
const COMPLETED: &str = "task.completed";

impl Subscriber for Events {
    fn concerns(&self, delivery: &Delivery) -> bool {
        delivery.cloud.event_type == COMPLETED
    }

    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(async move {
            match delivery.event::<TaskEvent>()?.body {
                TaskEvent::Completed { task_snapshot, completed_at, .. } => self.follow(&task_snapshot, completed_at).await,
                _ => Ok(Effect::Ignored),
            }
        })
    }
}

impl Events {
    /// The next instance of a task that was completed, or the end of its series.
    async fn follow(&self, done: &Task, completed_at: DateTime<Utc>) -> Result<Effect, Failure> {
        let (Some(series), Some(occurrence)) = (done.series_id, done.occurrence) else { return Ok(Effect::Ignored) };
        let Some(pattern) = &done.recurrence_pattern else {
            tracing::info!(%series, completed = %done.id, "skipped: the series was stopped");
            return Ok(Effect::Ignored);
        };
        let calendar = Calendar::of(pattern).map_err(no_dates)?;
        let due_at = calendar.successor(occurrence.unsigned_abs(), done.due_at, completed_at).map_err(no_dates)?;
        let made = self.tasks.succeed(done, due_at).await?;
        self.metrics.count(made);
        match (due_at, made) {
            (Some(due_at), Made::New(task)) => {
                tracing::info!(%series, completed = %done.id, new = %task, occurrence = occurrence + 1, %due_at, "the task comes again");
                Ok(Effect::Done)
            }
            (_, Made::Known(task)) => {
                tracing::info!(%series, completed = %done.id, new = %task, "skipped: the next task is there already");
                Ok(Effect::Duplicate)
            }
            (None, _) => {
                tracing::info!(%series, completed = %done.id, occurrence, "the series has come to its end");
                Ok(Effect::Done)
            }
            (Some(_), Made::None) => {
                tracing::info!(%series, completed = %done.id, "skipped: the series was stopped since, or the task deleted");
                Ok(Effect::Done)
            }
        }
    }
}

/// A pattern that gives no dates gives none the next time either.
fn no_dates(error: calendar::Error) -> Failure {
    Failure::Permanent(error.to_string())
}
