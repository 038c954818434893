//! What a change of a task means for its reminders: a pure function from what is known to the steps to take.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::reminder::{DeliveryStatus, Reason, Reminder, Schedule, Source, TaskStatus, remind_at};

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A scheduled reminder will not fire.
    Cancel {
        /// Which.
        id: Uuid,
        /// Why.
        reason: Reason,
    },
    /// A cancelled reminder is scheduled again.
    Restore {
        /// Which.
        id: Uuid,
    },
    /// There is a new reminder.
    Schedule {
        /// Minutes before the task is due.
        offset_minutes: i32,
        /// Who set it.
        source: Source,
    },
}

/// The steps from `before` to `after`, cancellations first.
///
/// `reminders` are all of the task, cancelled and fired ones too; `at` is when the task was changed, so that an event which arrives late
/// is judged as if it had come at once.
pub fn plan(before: Option<&Schedule>, after: &Schedule, reminders: &[Reminder], at: DateTime<Utc>) -> Vec<Step> {
    match (after.status, after.due_at) {
        (TaskStatus::Completed, _) => cancel_all(reminders, Reason::Completed),
        (TaskStatus::Deleted, _) => cancel_all(reminders, Reason::Deleted),
        (TaskStatus::Open, None) => cancel_all(reminders, Reason::Cleared),
        (TaskStatus::Open, Some(due_at)) => Open { before, after, reminders, due_at, at }.steps(),
    }
}

fn cancel_all(reminders: &[Reminder], reason: Reason) -> Vec<Step> {
    scheduled(reminders).map(|reminder| Step::Cancel { id: reminder.id, reason }).collect()
}

fn scheduled(reminders: &[Reminder]) -> impl Iterator<Item = &Reminder> {
    reminders.iter().filter(|reminder| reminder.delivery_status == DeliveryStatus::Scheduled)
}

/// The case of an open task with a due date.
struct Open<'a> {
    before: Option<&'a Schedule>,
    after: &'a Schedule,
    reminders: &'a [Reminder],
    due_at: DateTime<Utc>,
    at: DateTime<Utc>,
}

impl Open<'_> {
    fn steps(&self) -> Vec<Step> {
        let (mut steps, mut standing, mut wanted) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for reminder in scheduled(self.reminders) {
            if !self.follows(reminder) {
                let reason = if self.after.offset_minutes.is_some() { Reason::Moved } else { Reason::Cleared };
                steps.push(Step::Cancel { id: reminder.id, reason });
            } else if reminder.due_at == self.due_at {
                standing.insert(reminder.offset_minutes);
            } else {
                steps.push(Step::Cancel { id: reminder.id, reason: Reason::Moved });
                wanted.insert(reminder.offset_minutes, reminder.source);
            }
        }
        // The newest first: of two that rested with the same offset, only the last one counts.
        for reminder in self.reminders.iter().rev().filter(|reminder| self.follows(reminder)) {
            let offset = reminder.offset_minutes;
            if standing.contains(&offset) || wanted.contains_key(&offset) {
                continue;
            }
            if self.is_resting(reminder) && reminder.due_at == self.due_at {
                if reminder.remind_at > self.at {
                    steps.push(Step::Restore { id: reminder.id });
                    standing.insert(offset);
                }
            } else if self.is_resting(reminder) || self.is_spent(reminder) {
                wanted.insert(offset, reminder.source);
            }
        }
        if let Some(offset) = self.after.offset_minutes
            && !standing.contains(&offset)
            && self.wants_own(offset)
        {
            wanted.entry(offset).or_insert(Source::Task);
        }
        // Of a task that was over when it was changed, nobody wants to be told.
        if self.due_at > self.at {
            steps.extend(wanted.into_iter().map(|(offset_minutes, source)| Step::Schedule { offset_minutes, source }));
        }
        steps
    }

    /// Whether the reminder still has a place beside the task's own offset.
    fn follows(&self, reminder: &Reminder) -> bool {
        reminder.source == Source::Person || self.after.offset_minutes == Some(reminder.offset_minutes)
    }

    /// Whether it was cancelled by the state that the task is now leaving.
    fn is_resting(&self, reminder: &Reminder) -> bool {
        let left = self.before.and_then(|before| match (before.status, before.due_at) {
            (TaskStatus::Completed, _) => Some(Reason::Completed),
            (TaskStatus::Deleted, _) => Some(Reason::Deleted),
            (TaskStatus::Open, None) => Some(Reason::Cleared),
            (TaskStatus::Open, Some(_)) => None,
        });
        left.is_some() && reminder.cancel_reason == left
    }

    /// Whether it has done its work for a due date that is no longer the task's.
    fn is_spent(&self, reminder: &Reminder) -> bool {
        let is_over = match reminder.delivery_status {
            DeliveryStatus::Triggered | DeliveryStatus::Delivered | DeliveryStatus::Failed | DeliveryStatus::Expired => true,
            DeliveryStatus::Cancelled => reminder.cancel_reason == Some(Reason::Stale),
            DeliveryStatus::Scheduled => false,
        };
        is_over && reminder.due_at != self.due_at && self.before.and_then(|before| before.due_at) == Some(reminder.due_at)
    }

    /// Whether the task's own reminder is to be set: its time or offset is new, or the task is open again and never had it.
    fn wants_own(&self, offset: i32) -> bool {
        let Some(before) = self.before else { return true };
        if before.due_at != self.after.due_at || before.offset_minutes != self.after.offset_minutes {
            return true;
        }
        let had_it = self.reminders.iter().any(|reminder| reminder.offset_minutes == offset && reminder.due_at == self.due_at);
        before.status != TaskStatus::Open && !had_it && remind_at(self.due_at, offset) > self.at
    }
}

#[cfg(test)]
mod tests;
