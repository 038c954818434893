//! When a person wants to be told of a task, and the claim that tells them once.
//!
//! In reading order: [`reminder`] has the nouns, [`plan`] says what a change of a task means for its reminders, [`trigger`] is a tick of
//! the clock, [`job`] the second trigger, [`announce`] makes the events, [`http`] is the route table, [`events`] is what arrives, [`tasks`] is what tasks is asked,
//! [`store`] is every statement.

use std::sync::Arc;

use contracts::topic::{REMINDERS, TASK_EVENTS};
use futures::future::BoxFuture;
use service::migrate::Migration;
use service::subscribe::Subscription;
use service::{App, Base, Parts};
use utoipa::OpenApi;

use crate::config::TriggerBy;
use crate::job::{Calls, Registrar};

pub mod announce;
pub mod config;
pub mod events;
pub mod http;
pub mod job;
pub mod metrics;
pub mod plan;
pub mod reminder;
pub mod store;
pub mod tasks;
pub mod trigger;

/// The app.
pub struct Reminders;

impl App for Reminders {
    const ID: &'static str = "reminders";
    const MIGRATIONS: &'static [Migration] = &[
        Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql")),
        Migration::new(2, "jobs", include_str!("../migrations/002_jobs.sql")),
    ];
    // From `reminders`: how deliveries ended.
    const SUBSCRIPTIONS: &'static [Subscription] = &[Subscription::work(TASK_EVENTS), Subscription::work(REMINDERS)];
    type Settings = config::Settings;

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, settings: config::Settings) -> Result<Parts, service::app::StartError> {
        let Base { sidecar, database, internal, metrics, spans, clock, stop, .. } = base;
        let (store, tasks, metrics) = (store::Store::new(database), tasks::Tasks::new(internal), metrics::Metrics::new(&metrics));
        let room = http::Room { store: store.clone(), tasks: tasks.clone(), metrics: metrics.clone(), clock: clock.clone() };
        let trigger = trigger::Trigger { store: store.clone(), tasks, metrics: metrics.clone(), spans, clock: clock.clone() };
        let background: Vec<BoxFuture<'static, ()>> = match settings.trigger {
            TriggerBy::Cron => Vec::new(),
            TriggerBy::Jobs => vec![Box::pin(Registrar { store: store.clone(), sidecar }.run(stop))],
        };
        Ok(Parts {
            public: http::public(room),
            jobs: http::jobs(trigger.clone()),
            // Also without the setting: jobs may stand that were scheduled with it.
            job: http::job(Calls::new(trigger)),
            background,
            subscriber: Some(Arc::new(events::Events { store, metrics, clock })),
            ..Parts::default()
        })
    }
}
