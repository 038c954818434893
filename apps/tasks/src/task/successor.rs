//! The next instance of a recurring task.

use chrono::{DateTime, Utc};
use contracts::task::{Status, Task};
use uuid::Uuid;

/// The instance after `completed`: everything its owner wrote, open again, at its new date. None when the task belongs to no series that
/// goes on.
///
/// Its id is the UUID v5 of its number in the namespace of its series, so that however often and by whomever it is made, it is the same.
pub fn successor(completed: &Task, due_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Task> {
    let (Some(series_id), Some(occurrence), Some(_)) = (completed.series_id, completed.occurrence, &completed.recurrence_pattern)
    else {
        return None;
    };
    let occurrence = occurrence.checked_add(1)?;
    Some(Task {
        id: Uuid::new_v5(&series_id, occurrence.to_string().as_bytes()),
        status: Status::Todo,
        due_at: Some(due_at),
        occurrence: Some(occurrence),
        recurrence_ended: false,
        completed_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
        ..completed.clone()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::changes::{complete, stop};
    use crate::task::tests::{drafted, now};

    #[test]
    fn it_is_what_the_owner_wrote_open_again_and_always_the_same() {
        let body = json!({
            "title": "Standup", "description": "d", "priority": "high", "tag_names": ["team"], "due_at": "2026-03-02T09:00:00Z",
            "reminder_offset_minutes": 10, "recurrence_pattern": { "pattern_type": "daily" }
        });
        let done = complete(&drafted(body).unwrap(), now()).unwrap().task;
        let due_at = "2026-03-03T09:00:00Z".parse().unwrap();
        let next = successor(&done, due_at, now()).unwrap();
        assert_eq!((next.status, next.completed_at, next.version, next.occurrence), (Status::Todo, None, 1, Some(2)));
        assert_eq!(
            (&next.title, &next.description, next.priority, &next.tags),
            (&done.title, &done.description, done.priority, &done.tags)
        );
        assert_eq!((next.series_id, next.reminder_offset_minutes, next.due_at), (done.series_id, Some(10), Some(due_at)));
        assert_eq!(next.recurrence_pattern, done.recurrence_pattern);
        assert_eq!(successor(&done, due_at, now()).unwrap().id, next.id);
        assert_ne!(successor(&next, due_at, now()).unwrap().id, next.id);
    }

    #[test]
    fn nothing_follows_what_does_not_recur_or_was_stopped() {
        let due_at = "2026-03-03T09:00:00Z".parse().unwrap();
        let once = drafted(json!({ "title": "x" })).unwrap();
        assert_eq!(successor(&once, due_at, now()), None);
        let body = json!({ "title": "x", "recurrence_pattern": { "pattern_type": "daily" } });
        let stopped = stop(&drafted(body).unwrap(), now()).unwrap().task;
        assert_eq!(successor(&stopped, due_at, now()), None);
    }
}
