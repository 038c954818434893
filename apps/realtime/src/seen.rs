//! What was pushed already, and what is too old to be pushed: a fresh consumer group starts at the oldest entry, and a broker repeats itself.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Older news is no news: the page has read its lists since.
const MAX_AGE: TimeDelta = TimeDelta::seconds(60);
/// Events and tasks that are remembered: at 250 events a second, all that are younger than [`MAX_AGE`].
const MEMORY: usize = 15_000;

/// What one instance remembers.
#[derive(Debug)]
pub struct Seen {
    /// When the instance started: what happened before was read from the lists by every page that connected since.
    since: DateTime<Utc>,
    events: Recent<Uuid, ()>,
    versions: Recent<Uuid, i64>,
}

impl Seen {
    /// Nothing yet.
    pub fn new(since: DateTime<Utc>) -> Self {
        Self { since, events: Recent::new(MEMORY), versions: Recent::new(MEMORY) }
    }

    /// Whether a change may be pushed: it is new, and no later version of its task was pushed. A change that may counts as pushed.
    /// `version` is absent for what is not a task.
    pub fn admit(
        &mut self,
        event_id: Uuid,
        task_id: Uuid,
        version: Option<i64>,
        occurred_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> bool {
        let stale = occurred_at < self.since || now - occurred_at > MAX_AGE;
        let overtaken = version.zip(self.versions.get(&task_id)).is_some_and(|(version, pushed)| version < *pushed);
        if stale || overtaken || self.events.get(&event_id).is_some() {
            return false;
        }
        self.events.put(event_id, ());
        if let Some(version) = version {
            self.versions.put(task_id, version);
        }
        true
    }
}

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
struct Recent<K, V> {
    most: usize,
    order: VecDeque<K>,
    values: HashMap<K, V>,
}

impl<K: Hash + Eq + Copy, V> Recent<K, V> {
    fn new(most: usize) -> Self {
        Self { most, order: VecDeque::new(), values: HashMap::new() }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    fn put(&mut self, key: K, value: V) {
        if self.values.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const TASK: Uuid = Uuid::from_u128(3);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_000_000 + second, 0).unwrap()
    }

    #[test]
    fn an_event_is_pushed_once() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(EVENT, TASK, Some(1), at(1), at(1)));
        assert!(!seen.admit(EVENT, TASK, Some(1), at(1), at(2)));
    }

    #[test]
    fn an_older_version_never_follows_a_newer_one_but_an_equal_one_may() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(EVENT, TASK, Some(5), at(2), at(2)));
        assert!(!seen.admit(OTHER, TASK, Some(4), at(1), at(2)), "version 4 comes late");
        assert!(seen.admit(OTHER, TASK, Some(5), at(2), at(2)), "one change may have two events");
    }

    #[test]
    fn a_notification_has_no_version_and_is_never_overtaken() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(EVENT, TASK, Some(5), at(1), at(1)));
        assert!(seen.admit(OTHER, TASK, None, at(1), at(1)));
    }

    #[test]
    fn what_happened_before_the_start_or_long_ago_is_dropped() {
        let mut seen = Seen::new(at(100));
        assert!(!seen.admit(EVENT, TASK, Some(1), at(99), at(101)));
        assert!(!seen.admit(EVENT, TASK, Some(1), at(101), at(162)));
        assert!(seen.admit(EVENT, TASK, Some(1), at(101), at(161)), "being dropped does not count as being pushed");
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut recent = Recent::new(2);
        for key in [1, 2, 1, 3] {
            recent.put(key, key);
        }
        assert_eq!((recent.get(&1), recent.get(&2), recent.get(&3)), (None, Some(&2), Some(&3)));
    }
}
