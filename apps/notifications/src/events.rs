//! What arrives: how people want to be told, and reminders whose time has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::Event;
use contracts::reminder::ReminderEvent;
use contracts::topic::{REMINDERS, USER_EVENTS};
use contracts::update::Notification;
use contracts::user::UserEvent;
use futures::future::BoxFuture;
use service::Clock;
use service::event::Origin;
use service::subscribe::{Delivery, Effect, Failure, Subscriber};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::announce::{self, Told};
use crate::channel::{Channel, Settings};
use crate::metrics::Metrics;
use crate::store::{New, Store, Telling};
use crate::text;

/// A person who signed up in this very moment: their event may still be on the way. After this long it is not waited for.
const SIGN_UP_PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Handles the app's events.
pub struct Events {
    /// Every statement.
    pub store: Store,
    /// Counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
    /// Wakes the lanes.
    pub waiting: Arc<Notify>,
}

impl Subscriber for Events {
    fn handle<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(async move {
            match delivery.topic.as_str() {
                USER_EVENTS => self.follow(delivery).await,
                REMINDERS => self.tell(delivery).await,
                _ => Ok(Effect::Ignored),
            }
        })
    }
}

impl Events {
    /// A person changed.
    async fn follow(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<UserEvent>()?;
        let UserEvent::Changed { user } = &event.body else { return Ok(Effect::Ignored) };
        let rows = self.store.follow(event.event_id, USER_EVENTS, user, self.clock.now()).await?;
        Ok(if rows == 0 { Effect::Duplicate } else { Effect::Done })
    }

    /// A reminder's time has come.
    async fn tell(&self, delivery: &Delivery) -> Result<Effect, Failure> {
        let event = delivery.event::<ReminderEvent>()?;
        if !matches!(event.body, ReminderEvent::Due { .. }) {
            return Ok(Effect::Ignored);
        }
        let (user_id, now) = (event.metadata.user_id, self.clock.now());
        let settings = match self.store.settings(user_id).await? {
            Some(settings) => settings,
            None if now - event.occurred_at < SIGN_UP_PATIENCE => {
                return Err(Failure::Unavailable(format!("how user {user_id} wants to be told is not known yet")));
            }
            None => Settings::unknown(),
        };
        let Some(telling) = telling(&event, &settings, now)? else { return Ok(Effect::Ignored) };
        if self.store.tell(&telling).await? == 0 {
            return Ok(Effect::Duplicate);
        }
        self.waiting.notify_waiters();
        let lateness_ms = (now - telling.remind_at).num_milliseconds();
        for new in &telling.notifications {
            let outcome = telling.results.get(&new.channel).copied().unwrap_or("pending");
            if outcome != "pending" {
                self.metrics.done(new.channel, if outcome == "sent" { "sent" } else { "failed" });
            }
            let (task_id, reminder_id, channel) = (telling.task_id, telling.reminder_id, new.channel);
            tracing::info!(%user_id, %task_id, %reminder_id, %channel, outcome, lateness_ms, "a reminder is told");
        }
        Ok(Effect::Done)
    }
}

/// What a reminder means for a person with these settings.
fn telling(event: &Event<ReminderEvent>, settings: &Settings, now: DateTime<Utc>) -> sidecar::Result<Option<Telling<'static>>> {
    let ReminderEvent::Due { reminder_id, task_id, remind_at, due_at, title, .. } = &event.body else { return Ok(None) };
    let (reminder_id, task_id) = (*reminder_id, *task_id);
    let metadata = &event.metadata;
    let told =
        Told { reminder_id, task_id, user_id: metadata.user_id, tenant_id: metadata.tenant_id, sequence: metadata.sequence };
    let body = text::due_sentence(*due_at, &settings.timezone);
    let (mut notifications, mut results, mut events) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (channel, recipient) in settings.channels() {
        let id = Uuid::now_v7();
        let (status, last_error) = match (channel, &recipient) {
            (Channel::InApp, _) => ("sent", None),
            (_, Some(_)) => ("pending", None),
            (_, None) => ("failed", Some("no_address")),
        };
        if channel == Channel::InApp {
            let shown = Notification {
                id,
                reminder_id,
                task_id,
                title: title.clone(),
                body: body.clone(),
                read_at: None,
                created_at: now,
            };
            events.push(announce::shown(told, &shown, now)?);
        }
        if status != "pending" {
            results.insert(channel, last_error.unwrap_or(status));
        }
        notifications.push(New { id, channel, recipient, title: title.clone(), body: body.clone(), status, last_error });
    }
    let open_channels = notifications.len() - results.len();
    if open_channels == 0 {
        events.push(announce::ended(told, &results, now)?);
    }
    Ok(Some(Telling {
        event_id: event.event_id,
        topic: REMINDERS,
        reminder_id,
        task_id,
        user_id: told.user_id,
        tenant_id: told.tenant_id,
        remind_at: *remind_at,
        sequence: told.sequence,
        open_channels,
        results,
        traceparent: Origin::current(announce::SOURCE).traceparent,
        correlation_id: metadata.correlation_id.clone(),
        now,
        notifications,
        events,
    }))
}

#[cfg(test)]
mod tests {
    use contracts::Metadata;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn due() -> Event<ReminderEvent> {
        Event {
            event_id: Uuid::from_u128(1),
            schema_version: "1.0".into(),
            occurred_at: NOW,
            metadata: Metadata {
                correlation_id: "order-42".into(),
                causation_id: None,
                source: "reminders".into(),
                user_id: Uuid::from_u128(2),
                tenant_id: Uuid::from_u128(3),
                key: "4".into(),
                sequence: 2,
                traceparent: None,
            },
            body: ReminderEvent::Due {
                reminder_id: Uuid::from_u128(4),
                task_id: Uuid::from_u128(5),
                remind_at: NOW,
                due_at: NOW + TimeDelta::minutes(1),
                offset_minutes: 1,
                title: "Submit report".into(),
                lateness_ms: 0,
            },
        }
    }

    fn settings(in_app: bool, by_email: bool, phone: Option<&str>) -> Settings {
        Settings {
            email: "ada@example.org".into(),
            phone: phone.map(Into::into),
            timezone: "UTC".into(),
            in_app,
            by_email,
            by_sms: true,
        }
    }

    #[test]
    fn the_page_is_told_at_once_and_the_others_wait() {
        let telling = telling(&due(), &settings(true, true, Some("+4915112345678")), NOW).unwrap().unwrap();
        assert_eq!(telling.open_channels, 2);
        assert_eq!(telling.results, BTreeMap::from([(Channel::InApp, "sent")]));
        let types: Vec<&str> = telling.events.iter().map(|event| event.event_type).collect();
        assert_eq!(types, ["task.update"]);
        assert_eq!(telling.events[0].aggregate_id, telling.notifications[0].id);
    }

    #[test]
    fn with_nothing_left_to_send_the_outcome_follows_at_once() {
        let only_page = Settings { by_sms: false, ..settings(true, false, None) };
        let ended = telling(&due(), &only_page, NOW).unwrap().unwrap();
        assert_eq!(ended.events.last().unwrap().event_type, "reminder.delivered");
        assert_eq!(ended.events.last().unwrap().aggregate_version, 3);

        let no_number = telling(&due(), &settings(false, false, None), NOW).unwrap().unwrap();
        assert_eq!(no_number.events.last().unwrap().event_type, "reminder.failed");
        assert_eq!(no_number.events.last().unwrap().payload["channels"]["sms"], "no_address");

        let nothing_on = Settings { by_sms: false, ..settings(false, false, None) };
        let none = telling(&due(), &nothing_on, NOW).unwrap().unwrap();
        assert_eq!(none.events.last().unwrap().event_type, "reminder.failed");
        assert!(none.notifications.is_empty());
    }
}
