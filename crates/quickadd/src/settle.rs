//! One draft of everything that was found: which of two counts, when the first date is, and what cannot stand together.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use contracts::task::{EndType, PatternType, RecurrencePattern};

use crate::repeat::{End, Repeat};
use crate::scan::{Found, Item};
use crate::when::{Clock, Day, next};
use crate::{Draft, Kind, Moment, Part, Problem, wording};

/// Most tags on one task.
const MAX_TAGS: usize = 20;

/// The one of each kind that counts.
#[derive(Default)]
struct Said {
    day: Option<Day>,
    clock: Option<Clock>,
    instant: Option<DateTime<Utc>>,
    repeat: Option<Repeat>,
    end: Option<End>,
    remind: Option<i32>,
}

/// The draft of what was found, still without its title.
pub fn settle(mut found: Vec<Found>, moment: Moment) -> Draft {
    let mut draft = Draft::default();
    let mut said = Said::default();
    for found in &mut found {
        refuse(found, |item| first_of_its_kind(item, &mut said, &mut draft));
    }
    let mut first = first_day(&said, moment);
    if let (Some(repeat), Some(day), Some(date)) = (&said.repeat, said.day, first)
        && date != day.date
        && !day.starting
    {
        let message = format!("{} is none of the days of \"{}\".", wording::day(day.date), wording::repeat(repeat));
        refuse_all(&mut found, &message, |item| matches!(item, Item::Day(_)));
        said.day = None;
        first = first_day(&said, moment);
    }
    if said.repeat.is_none() {
        refuse_all(&mut found, "Nothing says how often it comes again.", |item| matches!(item, Item::End(_)));
        said.end = None;
    }
    if let (Some(End::On(last)), Some(date)) = (said.end, first)
        && last < date
    {
        let message = format!("It would end before its first date, {}.", wording::day(date));
        refuse_all(&mut found, &message, |item| matches!(item, Item::End(_)));
        said.end = None;
    }
    draft.due_at = due_at(&said, first, moment);
    if said.remind.is_some() && draft.due_at.is_none_or(|due_at| due_at <= moment.now) {
        let message = if draft.due_at.is_none() {
            "A reminder needs a due date."
        } else {
            "A reminder needs a due date that is still to come."
        };
        refuse_all(&mut found, message, |item| matches!(item, Item::Remind(_)));
        said.remind = None;
    }
    draft.reminder_offset_minutes = said.remind;
    draft.recurrence_pattern = said.repeat.as_ref().map(|repeat| pattern(repeat, said.end, first));
    report(found, &mut draft, &said, moment);
    draft
}

/// Makes a problem of an item for which there is a reason.
fn refuse(found: &mut Found, reason: impl FnOnce(&Item) -> Option<String>) {
    if let Some(message) = found.item.as_ref().ok().and_then(reason) {
        found.item = Err(message);
    }
}

fn refuse_all(found: &mut [Found], message: &str, which: impl Fn(&Item) -> bool) {
    for found in found {
        refuse(found, |item| which(item).then(|| message.to_owned()));
    }
}

/// Keeps an item unless one of its kind was said before.
fn first_of_its_kind(item: &Item, said: &mut Said, draft: &mut Draft) -> Option<String> {
    fn keep<T: Clone>(place: &mut Option<T>, value: &T, taken: bool, what: &str) -> Option<String> {
        if taken || place.is_some() {
            return Some(format!("This is a second {what}; the first one counts."));
        }
        *place = Some(value.clone());
        None
    }
    match item {
        Item::Day(day) => keep(&mut said.day, day, said.instant.is_some(), "date"),
        Item::Clock(clock) => keep(&mut said.clock, clock, said.instant.is_some(), "time"),
        Item::Instant(at) => keep(&mut said.instant, at, said.day.is_some() || said.clock.is_some(), "date"),
        Item::Repeat(repeat) => keep(&mut said.repeat, repeat, false, "repetition"),
        Item::End(end) => keep(&mut said.end, end, false, "end of the repetition"),
        Item::Remind(minutes) => keep(&mut said.remind, minutes, false, "reminder"),
        Item::Priority(priority) => keep(&mut draft.priority, priority, false, "priority"),
        Item::Tag(name) => {
            let is_known = draft.tags.iter().any(|known| known.to_lowercase() == name.to_lowercase());
            if !is_known && draft.tags.len() == MAX_TAGS {
                return Some(format!("A task has at most {MAX_TAGS} tags."));
            }
            draft.tags.extend((!is_known).then(|| name.clone()));
            None
        }
    }
}

/// The day on which it is first due, if anything says when.
fn first_day(said: &Said, moment: Moment) -> Option<NaiveDate> {
    if let Some(at) = said.instant {
        return Some(at.with_timezone(&moment.zone).date_naive());
    }
    if said.day.is_none() && said.clock.is_none() && said.repeat.is_none() {
        return None;
    }
    let from = said.day.map_or(moment.today, |day| day.date);
    let first = fitting(said.repeat.as_ref(), from, moment);
    // Without a date of its own it is the first that is still to come.
    if said.day.is_none() && first.is_some_and(|day| calendar::instant(wall(said, day), moment.zone) <= moment.now) {
        return fitting(said.repeat.as_ref(), from + Days::new(1), moment);
    }
    first
}

/// The first day from this one on that a repetition has; any day when it names none.
fn fitting(repeat: Option<&Repeat>, from: NaiveDate, moment: Moment) -> Option<NaiveDate> {
    let Some(repeat) = repeat else { return Some(from) };
    if let Some(date) = repeat.date {
        return next(date.day(), date.month(), from);
    }
    if repeat.days.is_empty() && repeat.day_of_month.is_none() {
        return Some(from);
    }
    let morning = calendar::instant(from.and_time(NaiveTime::MIN), moment.zone);
    calendar::first(&pattern(repeat, None, None), morning, moment.zone).ok().map(|wall| wall.date())
}

fn wall(said: &Said, day: NaiveDate) -> NaiveDateTime {
    let evening = said.day.is_some_and(|day| day.evening);
    said.clock.map_or_else(|| calendar::end_of(day), |clock| day.and_time(clock.on(evening)))
}

fn due_at(said: &Said, first: Option<NaiveDate>, moment: Moment) -> Option<DateTime<Utc>> {
    said.instant.or_else(|| first.map(|day| calendar::instant(wall(said, day), moment.zone)))
}

fn pattern(repeat: &Repeat, end: Option<End>, first: Option<NaiveDate>) -> RecurrencePattern {
    let days = match (repeat.pattern, first) {
        (PatternType::Weekly, Some(first)) if repeat.days.is_empty() => Some(vec![calendar::day_of_week(first.weekday())]),
        (PatternType::Weekly, _) => Some(repeat.days.clone()),
        _ => None,
    };
    RecurrencePattern {
        pattern_type: repeat.pattern,
        interval: repeat.interval,
        days_of_week: days,
        day_of_month: repeat.day_of_month,
        end_type: match end {
            None => EndType::Never,
            Some(End::On(_)) => EndType::ByDate,
            Some(End::After(_)) => EndType::AfterOccurrences,
        },
        end_after_occurrences: end.and_then(|end| if let End::After(count) = end { Some(count) } else { None }),
        end_by_date: end.and_then(|end| if let End::On(date) = end { Some(date) } else { None }),
        anchor_local: None,
        timezone: None,
    }
}

/// Parts and problems, in words. A date and a time that stand together are one part.
fn report(found: Vec<Found>, draft: &mut Draft, said: &Said, moment: Moment) {
    let at = draft.due_at.map(|at| at.with_timezone(&moment.zone));
    let shown = |pattern: &str| at.map(|at| at.format(pattern).to_string()).unwrap_or_default();
    let is_timed = said.clock.is_some() || said.instant.is_some();
    let due = shown(if is_timed { wording::INSTANT } else { wording::DAY });
    let is_due = |item: &Item| matches!(item, Item::Day(_) | Item::Clock(_) | Item::Instant(_));
    let says_when = found.iter().any(|found| found.item.as_ref().is_ok_and(is_due));
    let mut goes_on = false;
    for Found { range, follows, item } in found {
        let item = match item {
            Ok(item) => item,
            Err(message) => {
                draft.problems.push(Problem { range, message });
                goes_on = false;
                continue;
            }
        };
        let joins = follows && goes_on && is_due(&item);
        goes_on = is_due(&item);
        if let Some(part) = draft.parts.last_mut().filter(|_| joins) {
            part.range.end = range.end;
            continue;
        }
        let was_said = draft.parts.iter().any(|part| part.kind == Kind::Due);
        let (kind, words) = match item {
            // The first says all of it, also what stands elsewhere in the line.
            Item::Day(_) if was_said => (Kind::Due, shown(wording::DAY)),
            Item::Clock(_) if was_said => (Kind::Due, shown(wording::CLOCK)),
            Item::Day(_) | Item::Clock(_) | Item::Instant(_) => (Kind::Due, due.clone()),
            Item::Repeat(repeat) if says_when => (Kind::Repeat, wording::repeat(&repeat)),
            Item::Repeat(repeat) => (Kind::Repeat, format!("{}, first {due}", wording::repeat(&repeat))),
            Item::End(end) => (Kind::Repeat, wording::end(end)),
            Item::Remind(minutes) => (Kind::Reminder, wording::reminder(minutes)),
            Item::Priority(priority) => (Kind::Priority, wording::priority(priority)),
            Item::Tag(name) => (Kind::Tag, format!("#{name}")),
        };
        draft.parts.push(Part { kind, range, words });
    }
}
