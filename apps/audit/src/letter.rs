//! A dead letter: read from whatever shape it came in, kept until an operator settles it, and who gets it again.

use chrono::{DateTime, Utc};
use contracts::dead_letter::DeadLetter;
use contracts::{CloudEvent, Metadata, topic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Caller, Problem};
use sidecar::{Context, Trace};
use utoipa::ToSchema;
use uuid::Uuid;

/// What the sidecar's own letters are said to have failed of: it sends the event as it was published, without a reason.
const NO_REASON: &str = "the sidecar gave it up and gave no reason";
/// Longest name that is kept whole. Names are part of an index, and a broken event may say anything.
const MAX_NAME: usize = 200;
/// Longest reason that is kept whole.
const MAX_REASON: usize = 10_000;

/// Which apps read a topic as work. A letter that does not say who gave up goes to all of them; their inboxes make it harmless.
const READERS: [(&str, &[&str]); 4] = [
    (topic::TASK_EVENTS, &["recurrence", "reminders", "audit"]),
    (topic::REMINDERS, &["notifications", "reminders", "audit"]),
    (topic::USER_EVENTS, &["notifications", "audit", "tasks", "messaging"]),
    (topic::MESSAGES, &["audit"]),
];

/// How far a letter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterState)]
pub enum State {
    /// Waits for an operator.
    #[default]
    Open,
    /// Took effect after all.
    Replayed,
    /// Never will.
    Discarded,
}

impl State {
    /// Every state, as a filter writes it.
    pub const ALL: [&str; 3] = ["open", "replayed", "discarded"];

    /// What the log says of an operator who brings a letter here.
    pub fn action(self) -> &'static str {
        match self {
            Self::Open => "dlq.opened",
            Self::Replayed => "dlq.replayed",
            Self::Discarded => "dlq.discarded",
        }
    }
}

/// A dead letter without the event itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetterSummary)]
pub struct Summary {
    /// Of the letter.
    pub id: Uuid,
    /// Tenant of the person whose data the event is about, when it says so.
    pub tenant_id: Option<Uuid>,
    /// That person.
    pub user_id: Option<Uuid>,
    /// The event's id.
    pub event_id: String,
    /// Topic it came from.
    pub topic: String,
    /// App that gave up; absent when its sidecar did.
    pub app: Option<String>,
    /// Its type, when that could be read.
    pub event_type: String,
    /// Why.
    pub reason: String,
    /// How often it was tried; 0 when nobody counted.
    pub attempts: i32,
    /// When it last failed.
    pub failed_at: DateTime<Utc>,
    /// How far it is.
    #[serde(default)]
    pub state: State,
    /// When it came here.
    pub received_at: DateTime<Utc>,
    /// When an operator settled it.
    pub settled_at: Option<DateTime<Utc>>,
    /// Who did.
    pub settled_by: Option<Uuid>,
}

/// A dead letter, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct Letter {
    /// All but the event itself.
    #[serde(flatten)]
    pub summary: Summary,
    /// The event as it was delivered.
    #[schema(value_type = Object)]
    pub original: Value,
}

/// What an operator does to a letter, for the letter and for the log.
#[derive(Clone, Debug, Serialize)]
pub struct Settlement {
    id: Uuid,
    state: State,
    settled_at: DateTime<Utc>,
    row_id: Uuid,
    tenant_id: Uuid,
    user_id: Uuid,
    action: &'static str,
    before: Value,
    after: Value,
    correlation_id: String,
}

impl Letter {
    /// Reads what arrived on the dead-letter topic `arrived_on`: a letter of ours, or an event as its sidecar gave it up. Never fails,
    /// for there is no one left to give it to.
    pub fn read(arrived_on: &str, cloud: &CloudEvent, now: DateTime<Utc>) -> Self {
        let letter = serde_json::from_value::<DeadLetter>(cloud.data.clone()).unwrap_or_else(|_| DeadLetter {
            event_id: cloud.id.clone(),
            topic: arrived_on.strip_suffix("-dlq").unwrap_or(arrived_on).to_owned(),
            event_type: cloud.event_type.clone(),
            app: None,
            reason: NO_REASON.to_owned(),
            attempts: 0,
            failed_at: now,
            original: serde_json::to_value(cloud).unwrap_or_default(),
        });
        let metadata = metadata_of(&letter.original);
        let summary = Summary {
            id: Uuid::now_v7(),
            tenant_id: metadata.as_ref().map(|metadata| metadata.tenant_id),
            user_id: metadata.as_ref().map(|metadata| metadata.user_id),
            event_id: storable(&letter.event_id, MAX_NAME),
            topic: storable(&letter.topic, MAX_NAME),
            app: letter.app.map(|app| storable(&app, MAX_NAME)),
            event_type: storable(&letter.event_type, MAX_NAME),
            reason: storable(&letter.reason, MAX_REASON),
            attempts: i32::try_from(letter.attempts).unwrap_or(i32::MAX),
            failed_at: letter.failed_at,
            state: State::Open,
            received_at: now,
            settled_at: None,
            settled_by: None,
        };
        Self { summary, original: without_nul(letter.original) }
    }

    /// The apps that get the event again.
    pub fn receivers(&self) -> Vec<&str> {
        match &self.summary.app {
            Some(app) => vec![app],
            None => {
                READERS.iter().find(|(topic, _)| *topic == self.summary.topic).map(|(_, apps)| apps.to_vec()).unwrap_or_default()
            }
        }
    }

    /// The story that the event belongs to, so that its replay is told in it; none when the event does not say.
    pub fn story(&self) -> Option<Context> {
        let metadata = metadata_of(&self.original)?;
        let published = self.original.get("traceparent").and_then(Value::as_str);
        let trace = metadata.traceparent.as_deref().or(published).and_then(Trace::parse)?;
        Some(Context { trace, correlation_id: metadata.correlation_id.as_str().into(), cause: None })
    }

    /// Whether an operator may bring it to `wanted`: `true` when there is something to do, `false` when it is there already.
    ///
    /// # Errors
    /// 409 when it was settled otherwise.
    pub fn may_become(&self, wanted: State) -> Result<bool, Problem> {
        match self.summary.state {
            State::Open => Ok(true),
            state if state == wanted => Ok(false),
            State::Discarded => Err(conflict("It was discarded.")),
            _ => Err(conflict("It was replayed.")),
        }
    }

    /// What `operator` does by bringing it to `state`.
    pub fn settled(&self, state: State, operator: &Caller, correlation_id: &str, now: DateTime<Utc>) -> Settlement {
        let Summary { id, topic, app, event_id, .. } = &self.summary;
        let told = |state: State| json!({ "state": state, "topic": topic, "app": app, "event_id": event_id });
        Settlement {
            id: *id,
            state,
            settled_at: now,
            row_id: Uuid::now_v7(),
            tenant_id: operator.tenant_id,
            user_id: operator.user_id,
            action: state.action(),
            before: told(State::Open),
            after: told(state),
            correlation_id: correlation_id.to_owned(),
        }
    }
}

fn conflict(detail: &str) -> Problem {
    Problem::new(service::Code::Conflict, detail)
}

fn metadata_of(original: &Value) -> Option<Metadata> {
    serde_json::from_value(original.get("data")?.get("metadata")?.clone()).ok()
}

/// A text that PostgreSQL takes: without NUL, and not longer than its column's index may hold.
fn storable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|each| if each == '\0' { char::REPLACEMENT_CHARACTER } else { each }).collect()
}

/// The document without NUL characters, which PostgreSQL cannot keep. An event with one was refused for that very reason.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name.replace('\0', "\u{fffd}"), without_nul(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn at(second: u32) -> DateTime<Utc> {
        format!("2026-03-01T10:00:{second:02}Z").parse().unwrap()
    }

    fn event() -> Value {
        let metadata = json!({ "correlation_id": "order-1", "source": "tasks", "user_id": Uuid::from_u128(2), "tenant_id": Uuid::from_u128(3),
                               "key": "k", "sequence": 1, "traceparent": TRACE });
        json!({ "id": "e1", "type": "task.created", "source": "tasks", "topic": "task-events", "pubsubname": "pubsub", "specversion": "1.0",
                "data": { "metadata": metadata, "title": "a\0b" } })
    }

    fn ours(app: Option<&str>) -> Letter {
        let letter = DeadLetter {
            event_id: "e1".into(),
            topic: "task-events".into(),
            event_type: "task.created".into(),
            app: app.map(str::to_owned),
            reason: "schema version \"9.0\" is not 1.x".into(),
            attempts: 1,
            failed_at: at(1),
            original: event(),
        };
        let mut cloud: CloudEvent = serde_json::from_value(event()).unwrap();
        cloud.id = "reminders:e1".into();
        cloud.data = serde_json::to_value(letter).unwrap();
        Letter::read("task-events-dlq", &cloud, at(2))
    }

    fn of_sidecar() -> Letter {
        Letter::read("task-events-dlq", &serde_json::from_value(event()).unwrap(), at(2))
    }

    #[test]
    fn a_letter_of_ours_says_who_and_why() {
        let letter = ours(Some("reminders"));
        assert_eq!(
            (letter.summary.event_id.as_str(), letter.summary.app.as_deref(), letter.summary.attempts),
            ("e1", Some("reminders"), 1)
        );
        assert_eq!((letter.summary.failed_at, letter.summary.received_at), (at(1), at(2)));
        assert_eq!(letter.summary.tenant_id, Some(Uuid::from_u128(3)));
        assert_eq!(letter.receivers(), ["reminders"]);
    }

    #[test]
    fn a_letter_of_the_sidecar_is_the_event_itself_and_goes_to_every_reader() {
        let letter = of_sidecar();
        assert_eq!((letter.summary.event_id.as_str(), letter.summary.topic.as_str()), ("e1", "task-events"));
        assert_eq!(letter.summary.reason, NO_REASON);
        assert_eq!(letter.receivers(), ["recurrence", "reminders", "audit"]);
        assert_eq!(letter.original["id"], "e1");
    }

    #[test]
    fn every_topic_of_work_has_readers() {
        let of_work = topic::ALL.iter().filter(|&&name| topic::component(name) == topic::PUBSUB && name != topic::PROBES);
        let without: Vec<_> =
            of_work.filter(|name| !READERS.iter().any(|(topic, apps)| topic == *name && !apps.is_empty())).collect();
        assert!(without.is_empty(), "{without:?}");
    }

    #[test]
    fn a_replay_is_told_in_the_story_of_the_event() {
        let story = ours(None).story().unwrap();
        assert_eq!((story.trace.to_string().as_str(), &*story.correlation_id), (TRACE, "order-1"));
    }

    #[test]
    fn what_the_database_cannot_keep_is_replaced() {
        assert_eq!(of_sidecar().original["data"]["title"], "a\u{fffd}b");
        let mut cloud: CloudEvent = serde_json::from_value(event()).unwrap();
        cloud.id = "\0".repeat(5000);
        assert_eq!(Letter::read("x-dlq", &cloud, at(2)).summary.event_id, "\u{fffd}".repeat(MAX_NAME));
    }

    #[test]
    fn what_is_settled_stays_so() {
        let mut letter = ours(None);
        assert!(letter.may_become(State::Replayed).unwrap());
        letter.summary.state = State::Replayed;
        assert!(!letter.may_become(State::Replayed).unwrap(), "a repeat finds nothing to do");
        assert!(letter.may_become(State::Discarded).is_err());
        letter.summary.state = State::Discarded;
        assert!(letter.may_become(State::Replayed).is_err());
    }
}
