//! What was pushed already, and what happened before this instance: a fresh consumer group starts at the oldest entry, and a broker repeats
//! itself.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Events and tasks that are remembered: those of a minute at 250 events a second.
const MEMORY: usize = 15_000;

/// What is asked of the memory before a push.
#[derive(Clone, Copy, Debug)]
pub struct News {
    /// Of the event.
    pub event_id: Uuid,
    /// Whose data changed.
    pub user_id: Uuid,
    /// What changed.
    pub task_id: Uuid,
    /// Its version; absent for what is not a task.
    pub version: Option<i64>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// What one instance remembers.
#[derive(Debug)]
pub struct Seen {
    /// When the instance started: what happened before was read from the lists by every page that connected since.
    since: DateTime<Utc>,
    events: Recent<Uuid, ()>,
    /// By owner and task: what one person's event says counts for nobody else.
    versions: Recent<(Uuid, Uuid), i64>,
}

impl Seen {
    /// Nothing yet.
    pub fn new(since: DateTime<Utc>) -> Self {
        Self { since, events: Recent::new(MEMORY), versions: Recent::new(MEMORY) }
    }

    /// Whether a change may be pushed: it is new, and no later version of its task was pushed. One that may counts as pushed.
    pub fn admit(&mut self, news: &News) -> bool {
        let task = (news.user_id, news.task_id);
        let stale = news.occurred_at < self.since;
        let overtaken = news.version.zip(self.versions.get(&task)).is_some_and(|(version, pushed)| version < *pushed);
        if stale || overtaken || self.events.get(&news.event_id).is_some() {
            return false;
        }
        self.events.put(news.event_id, ());
        if let Some(version) = news.version {
            self.versions.put(task, version);
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

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_000_000 + second, 0).unwrap()
    }

    /// Event `event` of Anna's one task.
    fn news(event: u128, version: Option<i64>, second: i64) -> News {
        let [event_id, user_id, task_id] = [event, 100, 200].map(Uuid::from_u128);
        News { event_id, user_id, task_id, version, occurred_at: at(second) }
    }

    #[test]
    fn an_event_is_pushed_once() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(&news(1, Some(1), 1)));
        assert!(!seen.admit(&news(1, Some(1), 1)));
    }

    #[test]
    fn an_older_version_never_follows_a_newer_one_but_an_equal_one_may() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(&news(1, Some(5), 2)));
        assert!(!seen.admit(&news(2, Some(4), 1)), "version 4 comes late");
        assert!(seen.admit(&news(3, Some(5), 2)), "one change may have two events");
    }

    #[test]
    fn a_notification_has_no_version_and_is_never_overtaken() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(&news(1, Some(5), 1)));
        assert!(seen.admit(&news(2, None, 1)));
    }

    #[test]
    fn nobody_overtakes_another_persons_task() {
        let mut seen = Seen::new(at(0));
        assert!(seen.admit(&news(1, Some(5), 1)));
        let of_ben = News { user_id: Uuid::from_u128(101), ..news(2, Some(1), 1) };
        assert!(seen.admit(&of_ben));
    }

    #[test]
    fn what_happened_before_the_start_is_dropped_and_not_taken_for_pushed() {
        let mut seen = Seen::new(at(100));
        assert!(!seen.admit(&news(1, Some(1), 99)));
        assert!(seen.admit(&news(1, Some(1), 101)));
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
