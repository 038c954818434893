//! The sockets of this instance, by person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use sidecar::Context;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use crate::seen::{News, Seen};

/// A page reads its lists when it connects, so what happened before is no news to it; but a change is stamped some time before it is
/// committed, and clocks differ.
const BEFORE_JOINING: TimeDelta = TimeDelta::seconds(60);

/// A frame on its way to a page.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its text.
    pub text: Utf8Bytes,
    /// Whose story it belongs to.
    pub context: Context,
    /// When the change was made.
    pub occurred_at: DateTime<Utc>,
}

/// The sockets of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    /// Which instance.
    pub instance: Uuid,
    queue: usize,
    open: watch::Sender<usize>,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    seen: Seen,
    people: HashMap<Uuid, Vec<Line>>,
}

/// The hub's end of one socket.
struct Line {
    id: Uuid,
    joined: DateTime<Utc>,
    frames: mpsc::Sender<Push>,
    overflowed: Arc<Notify>,
}

/// The socket's end; leaves the hub when dropped.
pub struct Seat {
    id: Uuid,
    user_id: Uuid,
    hub: Hub,
    /// What is to be sent.
    pub frames: mpsc::Receiver<Push>,
    /// Told once when more was to be sent than may wait.
    pub overflowed: Arc<Notify>,
}

impl Hub {
    /// No sockets yet; at most `queue` frames wait for each.
    pub fn new(since: DateTime<Utc>, queue: usize) -> Self {
        let inner = Inner { seen: Seen::new(since), people: HashMap::new() };
        Self { instance: Uuid::now_v7(), queue, open: watch::Sender::new(0), inner: Arc::new(Mutex::new(inner)) }
    }

    /// Takes a place among the sockets of a person.
    pub fn join(&self, user_id: Uuid, now: DateTime<Utc>) -> Seat {
        let (sender, frames) = mpsc::channel(self.queue);
        let (id, overflowed) = (Uuid::now_v7(), Arc::new(Notify::new()));
        let line = Line { id, joined: now, frames: sender, overflowed: overflowed.clone() };
        self.lock().people.entry(user_id).or_default().push(line);
        self.open.send_modify(|open| *open += 1);
        Seat { id, user_id, hub: self.clone(), frames, overflowed }
    }

    /// Pushes to every socket of the people who may see it, if one of them has one here and it is news. Gives to how many sockets.
    pub fn push(&self, people: &[Uuid], news: &News, push: &Push) -> usize {
        let mut inner = self.lock();
        // Without a socket nothing is remembered: a page that connects later may still get it, once.
        if !people.iter().any(|person| inner.people.contains_key(person)) || !inner.seen.admit(news) {
            return 0;
        }
        let mut pages = 0;
        for person in people {
            let Some(lines) = inner.people.get_mut(person) else { continue };
            // A socket that cannot keep up is let go: its page comes back and reads the lists, so it misses nothing.
            lines.retain(|line| {
                if news.occurred_at < line.joined - BEFORE_JOINING {
                    return true;
                }
                let taken = line.frames.try_send(push.clone()).is_ok();
                if taken {
                    pages += 1;
                } else {
                    line.overflowed.notify_one();
                }
                taken
            });
        }
        pages
    }

    /// Resolves when there is no socket.
    pub async fn empty(&self) {
        // The sender is our own, so the wait cannot fail.
        drop(self.open.subscribe().wait_for(|&open| open == 0).await);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.hub.lock();
        if let Some(lines) = inner.people.get_mut(&self.user_id) {
            lines.retain(|line| line.id != self.id);
            if lines.is_empty() {
                inner.people.remove(&self.user_id);
            }
        }
        drop(inner);
        self.hub.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const ANNA: Uuid = Uuid::from_u128(1);
    const BEN: Uuid = Uuid::from_u128(2);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_000_000, 0).unwrap()
    }

    fn send(hub: &Hub, user_id: Uuid, event: u128) -> usize {
        let news = News {
            event_id: Uuid::from_u128(event),
            user_id,
            task_id: Uuid::from_u128(event),
            version: Some(1),
            occurred_at: now(),
        };
        let push = Push { text: event.to_string().into(), context: Context::unrecorded(), occurred_at: now() };
        hub.push(&[user_id], &news, &push)
    }

    #[test]
    fn each_page_of_a_person_gets_it_and_nobody_else() {
        let hub = Hub::new(now(), 4);
        let (mut one, mut two, mut other) = (hub.join(ANNA, now()), hub.join(ANNA, now()), hub.join(BEN, now()));
        assert_eq!(send(&hub, ANNA, 10), 2);
        assert_eq!(one.frames.try_recv().unwrap().text.as_str(), "10");
        assert_eq!(two.frames.try_recv().unwrap().text.as_str(), "10");
        assert!(other.frames.try_recv().is_err());
    }

    #[test]
    fn what_concerns_several_reaches_each_of_them_once() {
        let hub = Hub::new(now(), 4);
        let (mut anna, mut ben, mut other) = (hub.join(ANNA, now()), hub.join(BEN, now()), hub.join(Uuid::from_u128(3), now()));
        let event_id = Uuid::from_u128(10);
        let news = News { event_id, user_id: ANNA, task_id: event_id, version: None, occurred_at: now() };
        let push = Push { text: "10".into(), context: Context::unrecorded(), occurred_at: now() };
        assert_eq!((hub.push(&[ANNA, BEN], &news, &push), hub.push(&[ANNA, BEN], &news, &push)), (2, 0));
        assert!(anna.frames.try_recv().is_ok() && ben.frames.try_recv().is_ok() && other.frames.try_recv().is_err());
    }

    #[test]
    fn a_repeat_reaches_no_page_twice() {
        let hub = Hub::new(now(), 4);
        let seat = hub.join(ANNA, now());
        assert_eq!((send(&hub, ANNA, 10), send(&hub, ANNA, 10)), (1, 0));
        drop(seat);
        let _later = hub.join(ANNA, now());
        assert_eq!(send(&hub, ANNA, 10), 0);
    }

    #[test]
    fn a_full_queue_lets_the_socket_go_and_spares_the_others() {
        let hub = Hub::new(now(), 1);
        let (slow, mut quick) = (hub.join(ANNA, now()), hub.join(ANNA, now()));
        assert_eq!(send(&hub, ANNA, 10), 2);
        assert!(quick.frames.try_recv().is_ok());
        assert_eq!(send(&hub, ANNA, 11), 1);
        assert!(slow.overflowed.notified().now_or_never().is_some());
        assert!(quick.overflowed.notified().now_or_never().is_none());
    }

    #[test]
    fn what_comes_late_is_news_to_a_page_that_was_there_and_not_to_one_that_came_since() {
        let hub = Hub::new(now(), 4);
        let (mut there, mut since) = (hub.join(ANNA, now()), hub.join(ANNA, now() + TimeDelta::minutes(10)));
        assert_eq!(send(&hub, ANNA, 10), 1);
        assert!(there.frames.try_recv().is_ok() && since.frames.try_recv().is_err());
    }

    #[test]
    fn who_has_left_leaves_nothing_behind() {
        let hub = Hub::new(now(), 1);
        drop((hub.join(ANNA, now()), hub.join(ANNA, now())));
        assert!(hub.lock().people.is_empty());
        assert_eq!(send(&hub, ANNA, 10), 0);
    }
}
