//! Topics: who owns them and which component carries each.

use std::time::Duration;

/// Changes of tasks, for the other apps. Key: task id.
pub const TASK_EVENTS: &str = "task-events";
/// What became of reminders. Key: reminder id.
pub const REMINDERS: &str = "reminders";
/// Changes for open pages, sent to every realtime instance. Key: task id, or notification id.
pub const TASK_UPDATES: &str = "task-updates";
/// Changes of people: zone, preferences. Key: user id.
pub const USER_EVENTS: &str = "user-events";
/// What happened in conversations. Key: conversation id.
pub const MESSAGES: &str = "messages";
/// The same for open pages, sent to every realtime instance. Key: conversation id.
pub const REALTIME_EVENTS: &str = "realtime-events";

/// Where an app that has published nothing for a while asks whether the broker is there. Nobody subscribes.
pub const PROBES: &str = "probes";

/// Every topic; the launcher creates these and their dead-letter topics before any sidecar starts.
pub const ALL: [&str; 7] = [TASK_EVENTS, REMINDERS, TASK_UPDATES, USER_EVENTS, MESSAGES, REALTIME_EVENTS, PROBES];

/// The component of work that one instance of each app does.
pub const PUBSUB: &str = "pubsub";
/// The component of news that every instance gets.
pub const FANOUT: &str = "pubsub-fanout";

/// How long a broker keeps what [`FANOUT`] carries. Every instance that starts reads it all, and shows what is new to its pages.
pub const NEWS_KEPT: Duration = Duration::from_secs(600);

/// The component that carries `topic`.
pub fn component(topic: &str) -> &'static str {
    if matches!(topic, TASK_UPDATES | REALTIME_EVENTS) { FANOUT } else { PUBSUB }
}

/// Where an event of `topic` goes that cannot be handled.
pub fn dead_letters_of(topic: &str) -> String {
    format!("{topic}-dlq")
}
