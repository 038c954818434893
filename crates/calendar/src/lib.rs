//! The dates of a recurrence pattern: one calculator for everyone who asks. No I/O, no clock.
//!
//! Dates are computed on the wall clock of the pattern's zone, each from the anchor and none from the one before, so that a month with 28
//! days or a change of daylight-saving time leaves no trace in those that follow. The rules are RFC 5545's, expanded by `rrule`; the step
//! from a wall clock to an instant is [`instant`].

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use contracts::task::{DayOfWeek, PatternType, RecurrencePattern};
use rrule::{Frequency, NWeekday, RRule, RRuleSet, Weekday};

/// The end of a day, when no time was said.
const END_OF_DAY: (u32, u32, u32) = (23, 59, 0);

/// A pattern that gives no dates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Without the wall clock of the first date and its zone nothing can be counted.
    #[error("the pattern has no anchor")]
    NoAnchor,
    /// The zone database of this build does not have it.
    #[error("{0} is no time zone")]
    Zone(String),
    /// A rule that breaks RFC 5545.
    #[error(transparent)]
    Rule(#[from] Box<rrule::RRuleError>),
}

/// A pattern with everything that is needed to count.
#[derive(Clone, Debug)]
pub struct Calendar<'a> {
    pattern: &'a RecurrencePattern,
    anchor: NaiveDateTime,
    zone: Tz,
}

impl<'a> Calendar<'a> {
    /// The calendar of a pattern that has its anchor and its zone.
    ///
    /// # Errors
    /// When it lacks one of them, or the zone is not known.
    pub fn of(pattern: &'a RecurrencePattern) -> Result<Self, Error> {
        let (Some(anchor), Some(zone)) = (pattern.anchor_local, &pattern.timezone) else { return Err(Error::NoAnchor) };
        let zone = zone.parse().map_err(|_| Error::Zone(zone.clone()))?;
        Ok(Self { pattern, anchor, zone })
    }

    /// The first `count` dates strictly after an instant; fewer when a date ends the series before. A number of occurrences ends nothing
    /// here: it counts instances, not dates.
    ///
    /// # Errors
    /// [`Error::Rule`].
    pub fn after(&self, after: DateTime<Utc>, count: usize) -> Result<Vec<DateTime<Utc>>, Error> {
        let last = self.pattern.end_by_date;
        on_the_wall(self.pattern, self.anchor, self.pattern.interval, |walls| {
            let dates = walls.take_while(|wall| last.is_none_or(|last| wall.date() <= last));
            dates.map(|wall| instant(wall, self.zone)).filter(|date| *date > after).take(count).collect()
        })
    }

    /// The date of the instance that follows number `occurrence`: strictly after both its due date and its completion, so that doing it
    /// early repeats no date and doing it late makes no pile of past ones. None when the series has come to its end.
    ///
    /// # Errors
    /// [`Error::Rule`].
    pub fn successor(
        &self,
        occurrence: u32,
        due_at: Option<DateTime<Utc>>,
        completed_at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        if self.pattern.end_after_occurrences.is_some_and(|count| occurrence >= count) {
            return Ok(None);
        }
        let after = due_at.map_or(completed_at, |due_at| due_at.max(completed_at));
        Ok(self.after(after, 1)?.first().copied())
    }
}

/// The wall clock of the first date of a pattern that was given none: the end of the first day that fits, today included.
///
/// # Errors
/// [`Error::Rule`].
pub fn first(pattern: &RecurrencePattern, now: DateTime<Utc>, zone: Tz) -> Result<NaiveDateTime, Error> {
    let today = end_of(now.with_timezone(&zone).date_naive());
    // The week or month of today need not be one of those that count: counting begins with the day that is found.
    on_the_wall(pattern, today, 1, |walls| walls.next().unwrap_or(today))
}

/// The wall clock at the end of a day: when something is due of which only the day was said.
pub fn end_of(day: NaiveDate) -> NaiveDateTime {
    let (hour, minute, second) = END_OF_DAY;
    day.and_hms_opt(hour, minute, second).unwrap_or_default()
}

/// The instant at which a wall clock in a zone shows a time. A time that the clock skips counts by the offset before the gap, which moves
/// it on by the gap's length; of a time that it shows twice the first is meant (RFC 5545, 3.3.5).
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let offset = match zone.offset_from_local_datetime(&wall) {
        chrono::MappedLocalTime::Single(offset) | chrono::MappedLocalTime::Ambiguous(offset, _) => offset.fix(),
        // A day before the skipped time, read as if it were UTC, lies before the gap in every zone.
        chrono::MappedLocalTime::None => zone.offset_from_utc_datetime(&(wall - TimeDelta::days(1))).fix(),
    };
    (wall - TimeDelta::seconds(i64::from(offset.local_minus_utc()))).and_utc()
}

/// Reads the wall clock's dates of a pattern, every `interval`-th, from `from` on. UTC has neither gaps nor folds, so it serves as wall clock.
fn on_the_wall<T>(
    pattern: &RecurrencePattern,
    from: NaiveDateTime,
    interval: u16,
    read: impl FnOnce(&mut dyn Iterator<Item = NaiveDateTime>) -> T,
) -> Result<T, Error> {
    let start = from.and_utc().with_timezone(&rrule::Tz::UTC);
    let set: RRuleSet = rule(pattern, from.date()).interval(interval).build(start).map_err(Box::new)?;
    let mut walls = set.into_iter().map(|date| date.naive_utc());
    Ok(read(&mut walls))
}

fn rule(pattern: &RecurrencePattern, from: NaiveDate) -> RRule<rrule::Unvalidated> {
    match pattern.pattern_type {
        PatternType::Daily => RRule::new(Frequency::Daily),
        PatternType::Weekly => {
            let days = pattern.days_of_week.iter().flatten().map(|day| NWeekday::Every(weekday(*day)));
            RRule::new(Frequency::Weekly).week_start(Weekday::Mon).by_weekday(days.collect())
        }
        PatternType::Monthly => {
            let day = pattern.day_of_month.map_or(from.day(), u32::from);
            day_or_last(RRule::new(Frequency::Monthly), day)
        }
        PatternType::Yearly => {
            let month = chrono::Month::try_from(u8::try_from(from.month()).unwrap_or(1)).unwrap_or(chrono::Month::January);
            day_or_last(RRule::new(Frequency::Yearly).by_month(&[month]), from.day())
        }
    }
}

/// The day of the month, and in a month without it the last: of the days from 28 up to it, the last there is.
fn day_or_last(rule: RRule<rrule::Unvalidated>, day: u32) -> RRule<rrule::Unvalidated> {
    let days = (day.min(28)..=day).filter_map(|day| i8::try_from(day).ok());
    rule.by_month_day(days.collect()).by_set_pos(vec![-1])
}

/// A weekday as patterns write it.
pub fn day_of_week(day: Weekday) -> DayOfWeek {
    match day {
        Weekday::Mon => DayOfWeek::Mo,
        Weekday::Tue => DayOfWeek::Tu,
        Weekday::Wed => DayOfWeek::We,
        Weekday::Thu => DayOfWeek::Th,
        Weekday::Fri => DayOfWeek::Fr,
        Weekday::Sat => DayOfWeek::Sa,
        Weekday::Sun => DayOfWeek::Su,
    }
}

/// A weekday's name for people: "Mon".
pub fn name(day: DayOfWeek) -> &'static str {
    match day {
        DayOfWeek::Mo => "Mon",
        DayOfWeek::Tu => "Tue",
        DayOfWeek::We => "Wed",
        DayOfWeek::Th => "Thu",
        DayOfWeek::Fr => "Fri",
        DayOfWeek::Sa => "Sat",
        DayOfWeek::Su => "Sun",
    }
}

fn weekday(day: DayOfWeek) -> Weekday {
    match day {
        DayOfWeek::Mo => Weekday::Mon,
        DayOfWeek::Tu => Weekday::Tue,
        DayOfWeek::We => Weekday::Wed,
        DayOfWeek::Th => Weekday::Thu,
        DayOfWeek::Fr => Weekday::Fri,
        DayOfWeek::Sa => Weekday::Sat,
        DayOfWeek::Su => Weekday::Sun,
    }
}

#[cfg(test)]
mod tests {
    use contracts::task::EndType;

    use super::*;

    fn pattern(pattern_type: PatternType, anchor: &str, zone: &str) -> RecurrencePattern {
        RecurrencePattern {
            pattern_type,
            interval: 1,
            days_of_week: None,
            day_of_month: None,
            end_type: EndType::Never,
            end_after_occurrences: None,
            end_by_date: None,
            anchor_local: Some(anchor.parse().unwrap()),
            timezone: Some(zone.into()),
        }
    }

    fn at(instant: &str) -> DateTime<Utc> {
        instant.parse().unwrap()
    }

    /// The dates after an instant, as the wall clock of the pattern shows them.
    fn walls(pattern: &RecurrencePattern, after: &str, count: usize) -> Vec<String> {
        let calendar = Calendar::of(pattern).unwrap();
        let dates = calendar.after(at(after), count).unwrap();
        dates.iter().map(|date| date.with_timezone(&calendar.zone).format("%F %R").to_string()).collect()
    }

    #[test]
    fn a_month_without_the_day_has_its_last_and_the_next_has_the_day_again() {
        let pattern = pattern(PatternType::Monthly, "2026-01-31T09:00:00", "Europe/Berlin");
        let expected = ["2026-02-28 09:00", "2026-03-31 09:00", "2026-04-30 09:00"];
        assert_eq!(walls(&pattern, "2026-01-31T12:00:00Z", 3), expected);
    }

    #[test]
    fn the_29th_of_february_is_the_28th_in_other_years() {
        let pattern = pattern(PatternType::Yearly, "2028-02-29T09:00:00", "UTC");
        let expected = ["2029-02-28 09:00", "2030-02-28 09:00", "2031-02-28 09:00", "2032-02-29 09:00"];
        assert_eq!(walls(&pattern, "2028-02-29T09:00:00Z", 4), expected);
    }

    #[test]
    fn every_second_week_is_counted_from_the_first() {
        let mut pattern = pattern(PatternType::Weekly, "2026-03-04T08:00:00", "UTC");
        (pattern.interval, pattern.days_of_week) = (2, Some(vec![DayOfWeek::Mo, DayOfWeek::Fr]));
        let expected = ["2026-03-06 08:00", "2026-03-16 08:00", "2026-03-20 08:00", "2026-03-30 08:00"];
        assert_eq!(walls(&pattern, "2026-03-04T08:00:00Z", 4), expected);
    }

    #[test]
    fn the_wall_clock_is_kept_and_a_skipped_time_moves_on_by_the_gap() {
        let new_york = pattern(PatternType::Daily, "2026-03-06T02:30:00", "America/New_York");
        let expected = ["2026-03-07 02:30", "2026-03-08 03:30", "2026-03-09 02:30"];
        assert_eq!(walls(&new_york, "2026-03-06T12:00:00Z", 3), expected);
        let zone = "America/New_York".parse().unwrap();
        let twice = "2026-11-01T01:30:00".parse().unwrap();
        assert_eq!(instant(twice, zone), at("2026-11-01T05:30:00Z"), "the first of two");
        // Samoa went over the date line: there was no 30 December.
        assert_eq!(instant("2011-12-30T12:00:00".parse().unwrap(), "Pacific/Apia".parse().unwrap()), at("2011-12-30T22:00:00Z"));
    }

    #[test]
    fn doing_it_early_repeats_no_date_and_doing_it_late_makes_no_pile() {
        let pattern = pattern(PatternType::Daily, "2026-03-01T09:00:00", "UTC");
        let calendar = Calendar::of(&pattern).unwrap();
        let due = Some(at("2026-03-05T09:00:00Z"));
        let next = |completed: &str| calendar.successor(5, due, at(completed)).unwrap();
        assert_eq!(next("2026-03-02T08:00:00Z"), Some(at("2026-03-06T09:00:00Z")), "early");
        assert_eq!(next("2026-03-05T09:30:00Z"), Some(at("2026-03-06T09:00:00Z")), "on its day");
        assert_eq!(next("2026-03-15T09:30:00Z"), Some(at("2026-03-16T09:00:00Z")), "ten days late");
    }

    #[test]
    fn a_series_ends_after_its_number_and_after_its_date_which_counts_itself() {
        let mut pattern = pattern(PatternType::Daily, "2026-03-01T23:30:00", "America/New_York");
        (pattern.end_type, pattern.end_after_occurrences) = (EndType::AfterOccurrences, Some(3));
        let next = |pattern: &RecurrencePattern, occurrence, due: &str| {
            Calendar::of(pattern).unwrap().successor(occurrence, Some(at(due)), at("2026-03-01T00:00:00Z")).unwrap().is_some()
        };
        assert!(next(&pattern, 2, "2026-03-03T04:30:00Z"));
        assert!(!next(&pattern, 3, "2026-03-04T04:30:00Z"));
        (pattern.end_type, pattern.end_after_occurrences) = (EndType::ByDate, None);
        pattern.end_by_date = Some("2026-03-02".parse().unwrap());
        assert!(next(&pattern, 1, "2026-03-02T04:30:00Z"), "the 2nd, half past eleven at night, is the 3rd in London");
        assert!(!next(&pattern, 2, "2026-03-03T04:30:00Z"));
    }

    #[test]
    fn the_first_day_that_fits_may_be_today_and_its_week_is_the_first() {
        let mut pattern = pattern(PatternType::Weekly, "2026-03-01T00:00:00", "UTC");
        (pattern.interval, pattern.days_of_week) = (2, Some(vec![DayOfWeek::Mo]));
        let of = |now: &str| first(&pattern, at(now), chrono_tz::UTC).unwrap().to_string();
        assert_eq!(of("2026-03-06T12:00:00Z"), "2026-03-09 23:59:00", "a Friday");
        assert_eq!(of("2026-03-09T12:00:00Z"), "2026-03-09 23:59:00", "a Monday");
    }

    #[test]
    fn a_pattern_without_anchor_or_in_no_zone_gives_no_dates() {
        let mut pattern = pattern(PatternType::Daily, "2026-03-01T00:00:00", "Mars/Olympus");
        assert!(matches!(Calendar::of(&pattern), Err(Error::Zone(_))));
        pattern.anchor_local = None;
        assert!(matches!(Calendar::of(&pattern), Err(Error::NoAnchor)));
    }
}
