//! What comes again: "every 2 weeks on mon and fri", and until when.

use chrono::NaiveDate;
use contracts::task::{DayOfWeek, PatternType};

use crate::Moment;
use crate::line::{Cursor, number, ordinal};
use crate::when::{Read, Unit, amount, any_date, day_and_month, name_of, next, unit, weekday};

/// The most units that may lie between two dates.
const MAX_INTERVAL: u32 = 365;
/// The most instances that a series may be told to have.
const MAX_TIMES: u32 = 100_000;
/// The days of "every weekday".
pub const WORKDAYS: [DayOfWeek; 5] = [DayOfWeek::Mo, DayOfWeek::Tu, DayOfWeek::We, DayOfWeek::Th, DayOfWeek::Fr];
const BY_WEEK: &str = "A task can come again by day, week, month or year; this has no such pattern.";

/// How something comes again.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    /// Its unit.
    pub pattern: PatternType,
    /// Every how many of them.
    pub interval: u16,
    /// Weekly: on these days; none when they follow from the first date.
    pub days: Vec<DayOfWeek>,
    /// Monthly: on this day; none when it follows from the first date.
    pub day_of_month: Option<u8>,
    /// Yearly: on this day; none when it follows from the first date.
    pub date: Option<NaiveDate>,
}

/// When a series ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// After this day.
    On(NaiveDate),
    /// After so many instances.
    After(u32),
}

impl Repeat {
    fn of(pattern: PatternType, interval: u32) -> Result<Self, String> {
        let interval = u16::try_from(interval).ok().filter(|_| (1..=MAX_INTERVAL).contains(&interval));
        let interval =
            interval.ok_or_else(|| format!("A task can come again every 1 to {MAX_INTERVAL} days, weeks, months or years."))?;
        Ok(Self { pattern, interval, days: Vec::new(), day_of_month: None, date: None })
    }

    fn weekly(interval: u32, days: Vec<DayOfWeek>) -> Result<Self, String> {
        Ok(Self { days, ..Self::of(PatternType::Weekly, interval)? })
    }

    fn monthly(interval: u32, day: u32) -> Result<Self, String> {
        let day =
            u8::try_from(day).ok().filter(|day| (1..=31).contains(day)).ok_or_else(|| format!("No month has a day {day}."))?;
        Ok(Self { day_of_month: Some(day), ..Self::of(PatternType::Monthly, interval)? })
    }

    fn yearly(interval: u32, day: u32, month: u32, today: NaiveDate) -> Result<Self, String> {
        let date = next(day, month, today).ok_or_else(|| format!("{} has no day {day}.", name_of(month)))?;
        Ok(Self { date: Some(date), ..Self::of(PatternType::Yearly, interval)? })
    }
}

/// A repetition; it begins with "every".
pub fn repeat(cursor: &mut Cursor<'_>, moment: Moment) -> Read<Repeat> {
    let mut ahead = *cursor;
    if !ahead.take(&["every"]) {
        return None;
    }
    let found = listed(&mut ahead)
        .or_else(|| dated(&mut ahead, moment.today))
        .or_else(|| counted(&mut ahead, moment.today))
        .or_else(|| unknown(&mut ahead));
    if found.is_some() {
        *cursor = ahead;
    }
    found
}

/// "weekday", "weekend", "other monday", "mon, wed and fri".
fn listed(cursor: &mut Cursor<'_>) -> Read<Repeat> {
    if cursor.take(&["weekday", "workday"]) {
        return Some(Repeat::weekly(1, WORKDAYS.to_vec()));
    }
    if cursor.take(&["weekend"]) {
        return Some(Repeat::weekly(1, vec![DayOfWeek::Sa, DayOfWeek::Su]));
    }
    let mut ahead = *cursor;
    let interval = if ahead.take(&["other"]) { 2 } else { 1 };
    let days = days(&mut ahead)?;
    *cursor = ahead;
    Some(Repeat::weekly(interval, days))
}

/// "24 Dec", "15th of the month".
fn dated(cursor: &mut Cursor<'_>, today: NaiveDate) -> Read<Repeat> {
    if let Some((day, month)) = day_and_month(cursor) {
        return Some(Repeat::yearly(1, day, month, today));
    }
    let mut ahead = *cursor;
    let day = ahead.read(ordinal)?;
    if unit(ahead.peek()).is_some() {
        return None;
    }
    if weekday(ahead.peek()).is_some() {
        ahead.step();
        *cursor = ahead;
        return Some(Err(BY_WEEK.to_owned()));
    }
    of_the_month(&mut ahead);
    *cursor = ahead;
    Some(Repeat::monthly(1, day))
}

/// "day", "2 weeks on mon", "other month on the 1st", "3rd day".
fn counted(cursor: &mut Cursor<'_>, today: NaiveDate) -> Read<Repeat> {
    let mut ahead = *cursor;
    let interval =
        if ahead.take(&["other", "second"]) { 2 } else { ahead.read(|word| ordinal(word).or_else(|| number(word))).unwrap_or(1) };
    let unit = ahead.read(unit)?;
    let repeat = match unit {
        Unit::Minute | Unit::Hour => Err(BY_WEEK.to_owned()),
        Unit::Day => Repeat::of(PatternType::Daily, interval),
        Unit::Week => {
            on(&mut ahead, days).map_or_else(|| Repeat::of(PatternType::Weekly, interval), |days| Repeat::weekly(interval, days))
        }
        Unit::Month => on_a_day_of_the_month(&mut ahead, interval),
        Unit::Year => match on(&mut ahead, day_and_month) {
            Some((day, month)) => Repeat::yearly(interval, day, month, today),
            None => Repeat::of(PatternType::Yearly, interval),
        },
    };
    *cursor = ahead;
    Some(repeat)
}

/// What reads as a repetition and has no pattern.
fn unknown(cursor: &mut Cursor<'_>) -> Read<Repeat> {
    let taken = cursor.take(&["hour", "minute", "morning", "afternoon", "evening", "night", "quarter", "fortnight"]);
    taken.then(|| Err(BY_WEEK.to_owned()))
}

fn on_a_day_of_the_month(cursor: &mut Cursor<'_>, interval: u32) -> Result<Repeat, String> {
    enum Day {
        Number(u32),
        Weekday,
    }
    let day = on(cursor, |cursor| {
        cursor.take(&["the"]);
        let mut ahead = *cursor;
        let which = if ahead.take(&["last"]) { 31 } else { ahead.read(|word| ordinal(word).or_else(|| named_ordinal(word)))? };
        let day = if ahead.read(weekday).is_some() {
            Day::Weekday
        } else if ahead.take(&["day"]) || cursor.peek() != "last" {
            Day::Number(which)
        } else {
            return None;
        };
        let mut another = ahead;
        if another.take(&["and", "or"]) && another.read(ordinal).is_some() {
            ahead = another;
            *cursor = ahead;
            return Some(Day::Weekday);
        }
        of_the_month(&mut ahead);
        *cursor = ahead;
        Some(day)
    });
    match day {
        Some(Day::Number(day)) => Repeat::monthly(interval, day),
        Some(Day::Weekday) => Err("A month has one day of a pattern, by its number or as the last day.".to_owned()),
        None => Repeat::of(PatternType::Monthly, interval),
    }
}

fn named_ordinal(word: &str) -> Option<u32> {
    let at = ["first", "second", "third", "fourth", "fifth"].iter().position(|name| *name == word)?;
    u32::try_from(at + 1).ok()
}

fn of_the_month(cursor: &mut Cursor<'_>) {
    let _ = cursor.take_all(&["of", "the", "month"]) || cursor.take_all(&["of", "each", "month"]);
}

/// What stands behind "on", if a reader makes something of it.
fn on<T>(cursor: &mut Cursor<'_>, reader: impl FnOnce(&mut Cursor<'_>) -> Option<T>) -> Option<T> {
    let mut ahead = *cursor;
    let found = ahead.take(&["on"]).then(|| reader(&mut ahead)).flatten()?;
    *cursor = ahead;
    Some(found)
}

/// "monday", "mon, wed and fri", "mon-fri", each day once and in the order of the week.
fn days(cursor: &mut Cursor<'_>) -> Option<Vec<DayOfWeek>> {
    let mut days = cursor.read(day_or_range)?;
    loop {
        let mut ahead = *cursor;
        ahead.take(&["and", "&", "or"]);
        let Some(more) = ahead.read(day_or_range) else { break };
        days.extend(more);
        *cursor = ahead;
    }
    days.sort_unstable();
    days.dedup();
    Some(days)
}

fn day_or_range(word: &str) -> Option<Vec<DayOfWeek>> {
    if let Some(day) = weekday(word) {
        return Some(vec![calendar::day_of_week(day)]);
    }
    let (first, last) = word.split_once(['-', '–'])?;
    let (first, last) = (weekday(first)?, weekday(last)?);
    let all = std::iter::successors(Some(first), |day| (*day != last).then(|| day.succ()));
    Some(all.map(calendar::day_of_week).collect())
}

/// "until 1 June", "for 10 times", and "10 times" right behind another instruction.
pub fn end(cursor: &mut Cursor<'_>, moment: Moment, repeats: bool, follows: bool) -> Read<End> {
    let mut ahead = *cursor;
    let found = if ahead.take(&["until"]) {
        match any_date(&mut ahead, moment) {
            Some(day) => day.map(|day| End::On(day.date)),
            None if repeats => Err("Until when? A day is written as until 1 June.".to_owned()),
            None => return None,
        }
    } else {
        let introduced = ahead.take(&["for"]);
        if !repeats || !(introduced || follows) {
            return None;
        }
        let mut counted = ahead;
        if let Some(count) = counted.read(number).filter(|_| counted.take(&["times", "time"])) {
            ahead = counted;
            times(count)
        } else if introduced && follows && amount(&mut ahead).is_some() {
            Err("Say until which day, or how many times.".to_owned())
        } else {
            return None;
        }
    };
    *cursor = ahead;
    Some(found)
}

fn times(count: u32) -> Result<End, String> {
    let known = (1..=MAX_TIMES).contains(&count);
    known.then_some(End::After(count)).ok_or_else(|| format!("A task can come 1 to {MAX_TIMES} times."))
}
