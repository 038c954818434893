//! One line as a person types it, such as `Pay rent every month on the 1st at 9:00 #home !high remind 1d`, read as a draft of a task. No I/O,
//! no clock.
//!
//! In reading order: `line` cuts the line into words, `scan` finds what is an instruction among them, with `when` for dates and times and
//! `repeat` for what comes again, `settle` makes one draft of what was found, `wording` says it back. The grammar for people is
//! `docs/quick-add.md`, whose examples are checked by a test.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use contracts::task::{Priority, RecurrencePattern};

mod line;
mod repeat;
mod scan;
mod settle;
mod when;
mod wording;

#[cfg(test)]
mod tests;

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// What is left of the line, spaces folded.
    pub title: String,
    /// When it is due; the end of the day when only a day was said.
    pub due_at: Option<DateTime<Utc>>,
    /// How long before that its owner wants to be told.
    pub reminder_offset_minutes: Option<i32>,
    /// How much it matters.
    pub priority: Option<Priority>,
    /// Names of tags, each once, whatever its letter case.
    pub tags: Vec<String>,
    /// How it comes again; without the place where its dates begin, which is the due date's.
    pub recurrence_pattern: Option<RecurrencePattern>,
    /// What was understood, in the order of the line.
    pub parts: Vec<Part>,
    /// What looks like an instruction and cannot be followed, in the order of the line. It stays in the title.
    pub problems: Vec<Problem>,
}

/// A piece of the line that was understood, and is not in the title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is about.
    pub kind: Kind,
    /// Where it stands: bytes of the line. Parts do not overlap.
    pub range: Range<usize>,
    /// How it was understood, for people: "Tue 1 Dec 2026, 09:00".
    pub words: String,
}

/// What a part is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// When it is due.
    Due,
    /// How long before its owner is told.
    Reminder,
    /// How much it matters.
    Priority,
    /// A tag.
    Tag,
    /// How it comes again, and until when.
    Repeat,
}

/// A piece of the line that looks like an instruction and cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands: bytes of the line.
    pub range: Range<usize>,
    /// Why, as a sentence.
    pub message: String,
}

/// Reads a line as a person in `zone` means it at `now`.
pub fn read(line: &str, zone: Tz, now: DateTime<Utc>) -> Draft {
    let words = line::words(line);
    let moment = Moment { zone, now, today: now.with_timezone(&zone).date_naive() };
    let found = scan::scan(&words, moment);
    let mut draft = settle::settle(found, moment);
    // A quotation that kept nothing from being read is one the person wrote.
    let kept = |inside: &str| {
        let bare = settle::settle(scan::scan(&line::words(inside), moment), moment);
        bare.parts.is_empty() && bare.problems.is_empty()
    };
    draft.title = line::title(line, &words, &draft.parts, kept);
    if draft.title.is_empty() && !draft.parts.is_empty() {
        draft.problems.push(Problem { range: 0..line.len(), message: "Nothing is left to be the title.".to_owned() });
    }
    draft
}

/// When and where the line is read.
#[derive(Clone, Copy)]
struct Moment {
    zone: Tz,
    now: DateTime<Utc>,
    /// The day of `now` in the zone.
    today: NaiveDate,
}
