//! The one place where time is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

/// Gives the time. Handed to whatever needs it; a test may move its own.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds ahead of the system's clock.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The time now, to the microsecond: what PostgreSQL keeps, so that what was answered equals what is read back.
    pub fn now(&self) -> DateTime<Utc> {
        let now = DateTime::<Utc>::from(SystemTime::now()) + TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed));
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Moves this clock and its clones ahead.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }
}
