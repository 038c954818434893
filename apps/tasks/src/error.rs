//! What this app refuses beyond the rules of fields.

use service::{Code, Problem};

/// `If-Match` names a version that is no longer the current one.
pub fn stale(current: i64) -> Problem {
    Problem::new(Code::StaleVersion, format!("The task is at version {current} now; read it again before changing it."))
}

/// A series was to be stopped, and the task belongs to none.
pub fn not_recurring() -> Problem {
    Problem::new(Code::Conflict, "The task does not recur.")
}

/// Others changed the task faster than this request could, three times in a row.
pub fn contended() -> Problem {
    Problem::new(Code::Unavailable, "The task is being changed by others; try again.").retry_after(1)
}
