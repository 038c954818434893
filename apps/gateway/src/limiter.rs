//! Counts what each caller does, in one place for all instances; by itself while that place is away.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota as Rate, RateLimiter};
use moka::future::Cache;
use service::Clock;
use sidecar::Sidecar;

use crate::breaker::{Admission, Breaker};
use crate::limit::{Quota, WINDOW, Window};
use crate::metrics::{Metrics, ScopeLabels};

/// The component that counts, the same name in every set.
const COUNTERS: &str = "counters";
/// A count is read in its own minute and in the next one.
const TTL_SECONDS: &str = "120";
/// Time allowed for counting: a slow store must not slow every write.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the store is left alone after it failed.
const AWAY_FOR: Duration = Duration::from_secs(2);
/// Callers whose last minute is remembered.
const REMEMBERED: u64 = 10_000;

type Local = Arc<RateLimiter<String, DashMapStateStore<String>, DefaultClock, StateInformationMiddleware>>;

/// The limiter.
pub struct Limiter {
    sidecar: Sidecar,
    clock: Clock,
    metrics: Metrics,
    store: Mutex<Breaker>,
    /// A minute that is over changes no more, so it is read once.
    over: Cache<String, u64>,
    /// By limit, since a `governor` has one for all its keys.
    local: Mutex<HashMap<u32, Local>>,
}

impl Limiter {
    /// Nothing counted yet.
    pub fn new(sidecar: Sidecar, clock: Clock, metrics: Metrics) -> Self {
        let over = Cache::builder().max_capacity(REMEMBERED).time_to_live(WINDOW).build();
        Self { sidecar, clock, metrics, store: Mutex::new(Breaker::new(1, AWAY_FOR)), over, local: Mutex::default() }
    }

    /// Counts one request of `who` and says whether it may pass.
    pub async fn take(&self, scope: &'static str, who: &str, limit: u32) -> Quota {
        let admission = self.store().admit(Instant::now());
        let quota = match admission {
            Admission::Refused { .. } => self.locally(scope, who, limit),
            admission => match self.counted(scope, who, limit).await {
                Ok(quota) => {
                    self.note(admission, None);
                    quota
                }
                Err(error) => {
                    self.note(admission, Some(&error));
                    self.locally(scope, who, limit)
                }
            },
        };
        if !quota.allowed {
            self.metrics.rejections.get_or_create(&ScopeLabels { scope }).inc();
        }
        quota
    }

    async fn counted(&self, scope: &str, who: &str, limit: u32) -> Result<Quota, sidecar::Error> {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        let (minute, elapsed) = (millis / window, Duration::from_millis(millis % window));
        let key = |minute: u64| format!("rate:{scope}:{who}:{minute}");
        let (this, last) = (key(minute), key(minute.saturating_sub(1)));
        let count = async {
            // The increment answers nothing, so the count is read after it.
            let (counted, previous) = tokio::join!(self.call("increment", &this), self.previous(last));
            counted?;
            Ok(Window { limit, previous: previous?, current: number(&self.call("get", &this).await?), elapsed }.quota())
        };
        let late = |_| sidecar::Error::TimedOut { call: format!("binding {COUNTERS}"), limit: PATIENCE };
        tokio::time::timeout(PATIENCE, count).await.map_err(late)?
    }

    async fn previous(&self, key: String) -> Result<u64, sidecar::Error> {
        if let Some(count) = self.over.get(&key).await {
            return Ok(count);
        }
        let count = number(&self.call("get", &key).await?);
        self.over.insert(key, count).await;
        Ok(count)
    }

    async fn call(&self, operation: &str, key: &str) -> Result<Bytes, sidecar::Error> {
        let mut metadata = HashMap::from([("key".to_owned(), key.to_owned())]);
        if operation == "increment" {
            metadata.insert("ttlInSeconds".to_owned(), TTL_SECONDS.to_owned());
        }
        Ok(self.sidecar.binding(COUNTERS, operation, metadata, Bytes::new()).await?.data)
    }

    /// Remembers whether the store answered, and says so when that changes.
    fn note(&self, admission: Admission, error: Option<&sidecar::Error>) {
        let was_local = self.metrics.limits_local.set(i64::from(error.is_some())) != 0;
        match error {
            Some(_) => self.store().failed(admission, Instant::now()),
            None => self.store().succeeded(admission),
        }
        match (was_local, error) {
            (false, Some(error)) => tracing::warn!(%error, "the counters are away: each instance limits by itself"),
            (true, None) => tracing::info!("the counters are back: limits hold across instances"),
            _ => {}
        }
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same limit, counted by this instance alone.
    fn locally(&self, scope: &str, who: &str, limit: u32) -> Quota {
        let refused = |reset: u64| Quota { allowed: false, limit, remaining: 0, reset };
        let Some(a_minute) = NonZeroU32::new(limit) else { return refused(WINDOW.as_secs()) };
        let local = self.local_of(a_minute);
        if local.len() > usize::try_from(REMEMBERED).unwrap_or(usize::MAX) {
            local.retain_recent();
        }
        match local.check_key(&format!("{scope}:{who}")) {
            Ok(passed) => Quota { allowed: true, limit, remaining: passed.remaining_burst_capacity(), reset: WINDOW.as_secs() },
            Err(until) => refused(until.wait_time_from(DefaultClock::default().now()).as_secs() + 1),
        }
    }

    fn local_of(&self, limit: NonZeroU32) -> Local {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        local
            .entry(limit.get())
            .or_insert_with(|| Arc::new(RateLimiter::dashmap(Rate::per_minute(limit)).with_middleware()))
            .clone()
    }
}

/// A count as the binding gives it; a key that does not exist has no data.
fn number(data: &[u8]) -> u64 {
    std::str::from_utf8(data).ok().and_then(|text| text.trim_matches('"').parse().ok()).unwrap_or(0)
}
