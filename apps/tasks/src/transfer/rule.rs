//! Recurrence rules of RFC 5545 as patterns, and back.

use calcard::common::PartialDateTime;
use calcard::icalendar::{ICalendarDay, ICalendarFrequency, ICalendarRecurrenceRule, ICalendarWeekday};
use chrono::{DateTime, Datelike, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use contracts::task::{DayOfWeek, EndType, PatternType, RecurrencePattern, Task};

/// The pattern of a rule whose first date has this wall clock; none when no pattern says the same.
pub fn pattern(rule: &ICalendarRecurrenceRule, start: NaiveDateTime, zone: Tz) -> Option<RecurrencePattern> {
    let is_plain = rule.bysecond.is_empty()
        && rule.byminute.is_empty()
        && rule.byhour.is_empty()
        && rule.byyearday.is_empty()
        && rule.byweekno.is_empty()
        && rule.rscale.is_none()
        && rule.skip.is_none()
        && rule.byday.iter().all(|day| day.ordwk.is_none());
    let interval = rule.interval.unwrap_or(1);
    if !is_plain || !(1..=365).contains(&interval) {
        return None;
    }
    let bare = |pattern_type| RecurrencePattern {
        pattern_type,
        interval,
        days_of_week: None,
        day_of_month: None,
        end_type: EndType::Never,
        end_after_occurrences: None,
        end_by_date: None,
        anchor_local: None,
        timezone: None,
    };
    let no_days = rule.byday.is_empty() && rule.bymonthday.is_empty() && rule.bysetpos.is_empty() && rule.bymonth.is_empty();
    let mut pattern = match rule.freq {
        ICalendarFrequency::Daily if no_days => bare(PatternType::Daily),
        ICalendarFrequency::Weekly if rule.bymonthday.is_empty() && rule.bysetpos.is_empty() && rule.bymonth.is_empty() => {
            let mut days: Vec<DayOfWeek> = rule.byday.iter().map(|day| day_of_week(day.weekday)).collect();
            if days.is_empty() {
                days.push(calendar::day_of_week(start.weekday()));
            }
            days.sort_unstable();
            days.dedup();
            // Which days belong together is a matter of where the week begins.
            let week = rule.wkst.unwrap_or(ICalendarWeekday::Monday);
            if interval > 1 && days.len() > 1 && week != ICalendarWeekday::Monday {
                return None;
            }
            RecurrencePattern { days_of_week: Some(days), ..bare(PatternType::Weekly) }
        }
        ICalendarFrequency::Monthly if rule.byday.is_empty() && rule.bymonth.is_empty() => {
            RecurrencePattern { day_of_month: Some(day_of_month(rule, start)?), ..bare(PatternType::Monthly) }
        }
        ICalendarFrequency::Yearly if rule.byday.is_empty() && rule.bysetpos.is_empty() => {
            let same_month = rule.bymonth.iter().all(|month| u32::from(month.month()) == start.month());
            let same_day = rule.bymonthday.iter().all(|day| i64::from(*day) == i64::from(start.day()));
            (same_month && same_day && rule.bymonth.len() < 2).then(|| bare(PatternType::Yearly))?
        }
        _ => return None,
    };
    if let Some(until) = &rule.until {
        pattern.end_type = EndType::ByDate;
        pattern.end_by_date = Some(match instant(until) {
            Some(at) => at.with_timezone(&zone).date_naive(),
            None => wall(until)?.date(),
        });
    } else if let Some(count) = rule.count {
        (pattern.end_type, pattern.end_after_occurrences) = (EndType::AfterOccurrences, Some(count));
    }
    Some(pattern)
}

/// The day of a monthly rule. RFC 5545 leaves out a month without it, a pattern takes the month's last day: so from the 29th on only a rule
/// that says the latter has one.
fn day_of_month(rule: &ICalendarRecurrenceRule, start: NaiveDateTime) -> Option<u8> {
    match (rule.bymonthday.as_slice(), rule.bysetpos.as_slice()) {
        ([], []) if start.day() <= 28 => u8::try_from(start.day()).ok(),
        ([-1], []) => Some(31),
        ([day @ 1..=28], []) => u8::try_from(*day).ok(),
        (days @ [28, .., last @ 29..=31], [-1]) if days.windows(2).all(|pair| pair[0] + 1 == pair[1]) => u8::try_from(*last).ok(),
        _ => None,
    }
}

/// The rule of a task's pattern, for a first date that is the task's due time.
pub fn rule(task: &Task, pattern: &RecurrencePattern, due: NaiveDateTime, zone: Tz) -> ICalendarRecurrenceRule {
    let anchor = pattern.anchor_local.unwrap_or(due);
    let mut rule = ICalendarRecurrenceRule { interval: (pattern.interval > 1).then_some(pattern.interval), ..Default::default() };
    match pattern.pattern_type {
        PatternType::Daily => rule.freq = ICalendarFrequency::Daily,
        PatternType::Weekly => {
            rule.freq = ICalendarFrequency::Weekly;
            let days = pattern.days_of_week.iter().flatten();
            rule.byday = days.map(|day| ICalendarDay { ordwk: None, weekday: weekday(*day) }).collect();
        }
        PatternType::Monthly => {
            rule.freq = ICalendarFrequency::Monthly;
            let day =
                pattern.day_of_month.or(u8::try_from(anchor.day()).ok()).and_then(|day| i8::try_from(day).ok()).unwrap_or(1);
            rule.bymonthday = (day.min(28)..=day).collect();
            rule.bysetpos = if day > 28 { vec![-1] } else { Vec::new() };
        }
        PatternType::Yearly => rule.freq = ICalendarFrequency::Yearly,
    }
    // Of a series that has begun, what is left of it.
    let done = u32::try_from(task.occurrence.unwrap_or(1) - 1).unwrap_or(0);
    rule.count = pattern.end_after_occurrences.map(|count| count.saturating_sub(done).max(1));
    rule.until = pattern.end_by_date.map(|date| utc(calendar::instant(calendar::end_of(date), zone)));
    rule
}

/// An instant as iCalendar writes it.
pub fn utc(at: DateTime<Utc>) -> PartialDateTime {
    PartialDateTime { tz_hour: Some(0), tz_minute: Some(0), ..local(at.naive_utc()) }
}

/// A wall clock as iCalendar writes it.
pub fn local(wall: NaiveDateTime) -> PartialDateTime {
    let small = |number: u32| u8::try_from(number).ok();
    PartialDateTime {
        year: u16::try_from(wall.year()).ok(),
        month: small(wall.month()),
        day: small(wall.day()),
        hour: small(wall.hour()),
        minute: small(wall.minute()),
        second: small(wall.second()),
        ..PartialDateTime::default()
    }
}

/// The wall clock that is written; of a date alone the end of the day.
pub fn wall(value: &PartialDateTime) -> Option<NaiveDateTime> {
    let date = chrono::NaiveDate::from_ymd_opt(value.year?.into(), value.month?.into(), value.day?.into())?;
    match (value.hour, value.minute) {
        // A leap second is the second before it.
        (Some(hour), Some(minute)) => date.and_hms_opt(hour.into(), minute.into(), u32::from(value.second.unwrap_or(0)).min(59)),
        _ => Some(calendar::end_of(date)),
    }
}

/// The instant that is written, if its offset is.
pub fn instant(value: &PartialDateTime) -> Option<DateTime<Utc>> {
    let seconds = i32::from(value.tz_hour?) * 3600 + i32::from(value.tz_minute.unwrap_or(0)) * 60;
    let offset = chrono::FixedOffset::east_opt(if value.tz_minus { -seconds } else { seconds })?;
    offset.from_local_datetime(&wall(value)?).single().map(|at| at.to_utc())
}

fn day_of_week(day: ICalendarWeekday) -> DayOfWeek {
    match day {
        ICalendarWeekday::Monday => DayOfWeek::Mo,
        ICalendarWeekday::Tuesday => DayOfWeek::Tu,
        ICalendarWeekday::Wednesday => DayOfWeek::We,
        ICalendarWeekday::Thursday => DayOfWeek::Th,
        ICalendarWeekday::Friday => DayOfWeek::Fr,
        ICalendarWeekday::Saturday => DayOfWeek::Sa,
        ICalendarWeekday::Sunday => DayOfWeek::Su,
    }
}

fn weekday(day: DayOfWeek) -> ICalendarWeekday {
    match day {
        DayOfWeek::Mo => ICalendarWeekday::Monday,
        DayOfWeek::Tu => ICalendarWeekday::Tuesday,
        DayOfWeek::We => ICalendarWeekday::Wednesday,
        DayOfWeek::Th => ICalendarWeekday::Thursday,
        DayOfWeek::Fr => ICalendarWeekday::Friday,
        DayOfWeek::Sa => ICalendarWeekday::Saturday,
        DayOfWeek::Su => ICalendarWeekday::Sunday,
    }
}
