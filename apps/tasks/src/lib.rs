//! Tasks and tags: the writes of the to-do product, and the events that tell of them.
//!
//! In reading order: [`task`] and [`recurrence`] are the rules, [`filter`] reads a list's query, [`sync`] knows what a copy has seen, [`transfer`] reads and writes the files of
//! other programs, [`http`] is the route table,
//! [`events`] is what arrives, [`store`] is every statement.

use std::sync::Arc;
use std::time::Duration;

use contracts::topic::USER_EVENTS;
use service::migrate::Migration;
use service::subscribe::Subscription;
use service::{App, Base, Clock, Parts};
use utoipa::OpenApi;

pub mod error;
pub mod events;
pub mod filter;
pub mod http;
pub mod metrics;
pub mod recurrence;
pub mod store;
pub mod sync;
pub mod task;
pub mod transfer;

/// How often deleted tasks past their 30 days are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// The app.
pub struct Tasks;

/// What every handler has.
#[derive(Clone)]
pub struct Room {
    /// Every statement.
    pub store: store::Store,
    /// Counts.
    pub metrics: metrics::Metrics,
    /// Time.
    pub clock: Clock,
    /// Where people reach the suite.
    pub public_url: Arc<str>,
}

impl App for Tasks {
    const ID: &'static str = "tasks";
    const MIGRATIONS: &'static [Migration] = &[
        Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql")),
        Migration::new(2, "days_of_week", include_str!("../migrations/002_days_of_week.sql")),
        Migration::new(3, "where_a_pattern_begins", include_str!("../migrations/003_where_a_pattern_begins.sql")),
        Migration::new(4, "words", include_str!("../migrations/004_words.sql")),
        Migration::new(5, "sources", include_str!("../migrations/005_sources.sql")),
        Migration::new(6, "feeds", include_str!("../migrations/006_feeds.sql")),
    ];
    // Its owners' zones.
    const SUBSCRIPTIONS: &'static [Subscription] = &[Subscription::work(USER_EVENTS)];
    type Settings = ();

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, (): ()) -> Result<Parts, service::app::StartError> {
        let store = store::Store::new(base.database.clone());
        let room = Room {
            store: store.clone(),
            metrics: metrics::Metrics::new(&base.metrics),
            clock: base.clock.clone(),
            public_url: base.settings.public_url.as_str().into(),
        };
        let counted = metrics::watch_open(store.clone(), room.metrics.clone(), base.stop.clone());
        Ok(Parts {
            public: http::public(room.clone()),
            internal: http::internal(room),
            subscriber: Some(Arc::new(events::Events { store: store.clone() })),
            background: vec![Box::pin(purge(store, base)), Box::pin(counted)],
            ..Parts::default()
        })
    }
}

/// Removes tasks that were deleted over 30 days ago. Any number of instances may do it.
async fn purge(store: store::Store, mut base: Base) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => match store.purge().await {
                Ok(0) => {}
                Ok(purged) => tracing::info!(purged, "deleted tasks are gone for good"),
                Err(error) => tracing::warn!(%error, "deleted tasks could not be purged; it is tried again"),
            },
            _ = base.stop.changed() => return,
        }
    }
}
