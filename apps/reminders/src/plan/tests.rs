//! The table: what was, what is, and the steps between.

use chrono::TimeDelta;

use super::*;
use crate::reminder::DeliveryStatus::{Cancelled, Delivered, Expired, Scheduled, Triggered};

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

fn minutes(minutes: i64) -> DateTime<Utc> {
    NOW + TimeDelta::minutes(minutes)
}

/// A task due in so many minutes, with its own reminder so many minutes before.
fn task(due: Option<i64>, offset_minutes: Option<i32>) -> Schedule {
    Schedule {
        task_id: Uuid::nil(),
        user_id: Uuid::nil(),
        tenant_id: Uuid::nil(),
        title: "Submit report".into(),
        due_at: due.map(minutes),
        offset_minutes,
        status: TaskStatus::Open,
        version: 1,
        revision: 1,
    }
}

fn with(status: TaskStatus, schedule: Schedule) -> Schedule {
    Schedule { status, ..schedule }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// The task's own reminder.
fn own(n: u128, due: i64, offset_minutes: i32, delivery_status: DeliveryStatus) -> Reminder {
    let due_at = minutes(due);
    Reminder {
        id: id(n),
        task_id: Uuid::nil(),
        user_id: Uuid::nil(),
        tenant_id: Uuid::nil(),
        offset_minutes,
        remind_at: remind_at(due_at, offset_minutes),
        due_at,
        source: Source::Task,
        delivery_status,
        cancel_reason: None,
        channel_results: BTreeMap::new(),
        version: 1,
        traceparent: None,
        correlation_id: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn added(n: u128, due: i64, offset_minutes: i32, delivery_status: DeliveryStatus) -> Reminder {
    Reminder { source: Source::Person, ..own(n, due, offset_minutes, delivery_status) }
}

fn cancelled(reason: Reason, reminder: Reminder) -> Reminder {
    Reminder { delivery_status: Cancelled, cancel_reason: Some(reason), ..reminder }
}

fn cancel(n: u128, reason: Reason) -> Step {
    Step::Cancel { id: id(n), reason }
}

fn restore(n: u128) -> Step {
    Step::Restore { id: id(n) }
}

fn schedule(offset_minutes: i32) -> Step {
    Step::Schedule { offset_minutes, source: Source::Task }
}

fn schedule_added(offset_minutes: i32) -> Step {
    Step::Schedule { offset_minutes, source: Source::Person }
}

/// A story, the task before and after, its reminders, and the steps.
type Case = (&'static str, Option<Schedule>, Schedule, Vec<Reminder>, Vec<Step>);

#[test]
fn each_change_of_a_task_has_its_steps() {
    use TaskStatus::{Completed, Deleted};
    let open = || Some(task(Some(120), Some(60)));
    let table: Vec<Case> = vec![
        ("new without due date", None, task(None, None), vec![], vec![]),
        ("new without reminder", None, task(Some(120), None), vec![], vec![]),
        ("new with reminder", None, task(Some(120), Some(60)), vec![], vec![schedule(60)]),
        ("new, its time already past, the due date not", None, task(Some(30), Some(60)), vec![], vec![schedule(60)]),
        ("new, the due date past", None, task(Some(-1), Some(0)), vec![], vec![]),
        ("first seen completed", None, with(Completed, task(Some(120), Some(60))), vec![], vec![]),
        ("only the title changed", open(), task(Some(120), Some(60)), vec![own(1, 120, 60, Scheduled)], vec![]),
        ("only the title changed after it fired", open(), task(Some(120), Some(60)), vec![own(1, 120, 60, Delivered)], vec![]),
        (
            "only the title changed after the owner removed it",
            open(),
            task(Some(120), Some(60)),
            vec![cancelled(Reason::Removed, own(1, 120, 60, Scheduled))],
            vec![],
        ),
        (
            "later",
            open(),
            task(Some(240), Some(60)),
            vec![own(1, 120, 60, Scheduled)],
            vec![cancel(1, Reason::Moved), schedule(60)],
        ),
        (
            "earlier",
            open(),
            task(Some(90), Some(60)),
            vec![own(1, 120, 60, Scheduled)],
            vec![cancel(1, Reason::Moved), schedule(60)],
        ),
        (
            "into the past",
            open(),
            task(Some(-5), Some(60)),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 5, Scheduled)],
            vec![cancel(1, Reason::Moved), cancel(2, Reason::Moved)],
        ),
        (
            "added ones move too",
            open(),
            task(Some(240), Some(60)),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 15, Scheduled)],
            vec![cancel(1, Reason::Moved), cancel(2, Reason::Moved), schedule_added(15), schedule(60)],
        ),
        (
            "another offset",
            open(),
            task(Some(120), Some(15)),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 5, Scheduled)],
            vec![cancel(1, Reason::Moved), schedule(15)],
        ),
        ("an offset that was added by hand", open(), task(Some(120), Some(15)), vec![added(2, 120, 15, Scheduled)], vec![]),
        (
            "no offset any more",
            open(),
            task(Some(120), None),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 5, Scheduled)],
            vec![cancel(1, Reason::Cleared)],
        ),
        (
            "no due date any more",
            open(),
            task(None, None),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 5, Scheduled)],
            vec![cancel(1, Reason::Cleared), cancel(2, Reason::Cleared)],
        ),
        (
            "a due date again",
            Some(task(None, None)),
            task(Some(300), Some(60)),
            vec![cancelled(Reason::Cleared, own(1, 120, 60, Scheduled)), cancelled(Reason::Cleared, added(2, 120, 5, Scheduled))],
            vec![schedule_added(5), schedule(60)],
        ),
        ("moved after delivery", open(), task(Some(300), Some(60)), vec![own(1, 120, 60, Delivered)], vec![schedule(60)]),
        (
            "moved while being delivered",
            open(),
            task(Some(300), Some(60)),
            vec![added(1, 120, 90, Triggered)],
            vec![schedule(60), schedule_added(90)],
        ),
        (
            "moved after it was over",
            Some(task(Some(-2000), Some(60))),
            task(Some(300), Some(60)),
            vec![own(1, -2000, 60, Expired)],
            vec![schedule(60)],
        ),
        (
            "moved while the trigger found it stale",
            open(),
            task(Some(300), Some(60)),
            vec![cancelled(Reason::Stale, added(1, 120, 90, Scheduled))],
            vec![schedule(60), schedule_added(90)],
        ),
        (
            "completed",
            open(),
            with(Completed, task(Some(120), Some(60))),
            vec![own(1, 120, 60, Scheduled), added(2, 120, 5, Scheduled), added(3, 120, 90, Delivered)],
            vec![cancel(1, Reason::Completed), cancel(2, Reason::Completed)],
        ),
        (
            "deleted",
            open(),
            with(Deleted, task(Some(120), Some(60))),
            vec![own(1, 120, 60, Scheduled)],
            vec![cancel(1, Reason::Deleted)],
        ),
        (
            "reopened: what is still to come",
            open().map(|before| with(Completed, before)),
            task(Some(120), Some(60)),
            vec![
                cancelled(Reason::Completed, own(1, 120, 60, Scheduled)),
                cancelled(Reason::Completed, added(2, 120, 180, Scheduled)),
            ],
            vec![restore(1)],
        ),
        (
            "reopened after it fired",
            open().map(|before| with(Completed, before)),
            task(Some(120), Some(60)),
            vec![own(1, 120, 60, Delivered)],
            vec![],
        ),
        (
            "reopened and moved",
            open().map(|before| with(Completed, before)),
            task(Some(300), Some(60)),
            vec![cancelled(Reason::Completed, own(1, 120, 60, Scheduled))],
            vec![schedule(60)],
        ),
        (
            "reopened, its other events never seen",
            open().map(|before| with(Completed, before)),
            task(Some(120), Some(60)),
            vec![],
            vec![schedule(60)],
        ),
        (
            "reopened: what was removed stays removed",
            open().map(|before| with(Completed, before)),
            task(Some(120), Some(60)),
            vec![cancelled(Reason::Removed, own(1, 120, 60, Scheduled))],
            vec![],
        ),
        (
            "undeleted",
            open().map(|before| with(Deleted, before)),
            task(Some(120), Some(60)),
            vec![cancelled(Reason::Deleted, own(1, 120, 60, Scheduled))],
            vec![restore(1)],
        ),
        (
            "of two that rested, the newer is restored",
            open().map(|before| with(Completed, before)),
            task(Some(120), Some(60)),
            vec![
                cancelled(Reason::Completed, own(1, 120, 60, Scheduled)),
                cancelled(Reason::Completed, own(2, 120, 60, Scheduled)),
            ],
            vec![restore(2)],
        ),
        (
            "the first event after a reminder was added",
            Some(Schedule { version: 0, ..task(Some(120), None) }),
            task(Some(120), Some(60)),
            vec![added(1, 120, 5, Scheduled)],
            vec![schedule(60)],
        ),
    ];
    for (story, before, after, reminders, steps) in table {
        assert_eq!(plan(before.as_ref(), &after, &reminders, NOW), steps, "{story}");
    }
}

#[test]
fn a_plan_carried_out_leaves_nothing_to_do() {
    let after = task(Some(240), Some(60));
    let reminders = [cancelled(Reason::Moved, own(1, 120, 60, Scheduled)), own(2, 240, 60, Scheduled)];
    assert_eq!(plan(Some(&after), &after, &reminders, NOW), []);
}
