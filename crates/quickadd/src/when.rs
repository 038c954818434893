//! Dates and times of day.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Timelike, Weekday};

use crate::Moment;
use crate::line::{Cursor, digits, number, ordinal};

/// A day that was said.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Which.
    pub date: NaiveDate,
    /// Whether an hour of this day without am or pm is one of the evening.
    pub evening: bool,
    /// Whether what comes again begins on the first fitting day from this one on.
    pub starting: bool,
}

/// A time of day that was said.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Which.
    pub time: NaiveTime,
    /// Whether it may be of the morning or of the evening.
    pub is_bare: bool,
}

/// What a reader made of the words: a value, or a sentence why there is none. None: it is no such thing at all.
pub type Read<T> = Option<Result<T, String>>;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Days that are known by another name than theirs.
const NAMED: [&str; 3] = ["good", "black", "cyber"];
/// A date after these is none to be due at.
const OTHER: [&str; 13] =
    ["from", "between", "since", "after", "before", "till", "until", "of", "last", "past", "previous", "to", "through"];
/// The farthest that "in 3 days" may reach.
const FARTHEST_YEARS: u32 = 100;

/// A date, with the small word before it.
pub fn date(cursor: &mut Cursor<'_>, moment: Moment) -> Read<Day> {
    if OTHER.contains(&cursor.before()) { None } else { any_date(cursor, moment) }
}

/// A date, whatever stands before it.
pub fn any_date(cursor: &mut Cursor<'_>, moment: Moment) -> Read<Day> {
    let starting = cursor.take(&["starting"]);
    let mut introduced = cursor.take(&["due"]) | starting;
    introduced |= cursor.take(&["on", "by"]);
    let _ = introduced || cursor.take(&["for"]);
    let plain = |date| Some(Ok(Day { date, evening: false, starting }));
    let today = moment.today;
    if cursor.take(&["today"]) {
        return plain(today);
    }
    if cursor.take(&["tonight"]) {
        return Some(Ok(Day { date: today, evening: true, starting }));
    }
    if cursor.take(&["tomorrow"]) {
        return plain(today + Days::new(1));
    }
    if cursor.take_all(&["the", "day", "after", "tomorrow"]) || cursor.take_all(&["day", "after", "tomorrow"]) {
        return plain(today + Days::new(2));
    }
    let date = named_date(cursor, introduced, today);
    let date = date.or_else(|| weekday_date(cursor, introduced, today).map(Ok));
    date.map(|date| date.map(|date| Day { date, evening: false, starting }))
}

/// A date of the calendar, also with its weekday: "Tue 1 Dec".
fn named_date(cursor: &mut Cursor<'_>, introduced: bool, today: NaiveDate) -> Read<NaiveDate> {
    let mut ahead = *cursor;
    let said = ahead.read(weekday);
    let date = iso(&mut ahead).or_else(|| calendar_date(&mut ahead, today));
    let date = date.or_else(|| day_of_month(&mut ahead, introduced || said.is_some(), today))?;
    *cursor = ahead;
    Some(date.and_then(|date| match said {
        Some(said) if said != date.weekday() => Err(format!("{}.", date.format("%-d %b %Y is a %A"))),
        _ => Ok(date),
    }))
}

/// "monday", "next monday", and abbreviated where a small word says that it is a day.
fn weekday_date(cursor: &mut Cursor<'_>, introduced: bool, today: NaiveDate) -> Option<NaiveDate> {
    let days_to = |weekday: Weekday| u64::from((weekday.num_days_from_monday() + 7 - today.weekday().num_days_from_monday()) % 7);
    let mut ahead = *cursor;
    if ahead.take(&["next"]) {
        let weekday = ahead.read(weekday)?;
        *cursor = ahead;
        let monday = today + Days::new(7 - u64::from(today.weekday().num_days_from_monday()));
        return Some(monday + Days::new(u64::from(weekday.num_days_from_monday())));
    }
    if ahead.take(&["this"]) {
        let weekday = ahead.read(weekday)?;
        *cursor = ahead;
        return Some(today + Days::new(days_to(weekday)));
    }
    if !introduced && NAMED.contains(&cursor.before()) {
        return None;
    }
    let weekday = cursor.read(|word| weekday(word).filter(|_| introduced || WEEKDAYS.contains(&word)))?;
    // On a Monday one says "today", so "monday" is the next one.
    Some(today + Days::new(if days_to(weekday) == 0 { 7 } else { days_to(weekday) }))
}

/// "2026-12-01".
fn iso(cursor: &mut Cursor<'_>) -> Read<NaiveDate> {
    let word = cursor.peek();
    let shape = word.bytes().map(|each| if each.is_ascii_digit() { b'0' } else { each });
    if !shape.eq("0000-00-00".bytes()) {
        return None;
    }
    cursor.step();
    let known = word.parse().ok().filter(|date: &NaiveDate| plausible(date.year()));
    Some(known.ok_or_else(|| format!("There is no day {word}.")))
}

/// "1 Dec", "Dec 1st", "the 1st of December 2027". Without a year it is the next one, today included.
fn calendar_date(cursor: &mut Cursor<'_>, today: NaiveDate) -> Read<NaiveDate> {
    let mut ahead = *cursor;
    let (day, month) = day_and_month(&mut ahead)?;
    let year = ahead.read(|word| {
        digits(word).filter(|_| word.len() == 4).and_then(|year| i32::try_from(year).ok()).filter(|year| plausible(*year))
    });
    let date = match year {
        Some(year) => NaiveDate::from_ymd_opt(year, month, day),
        None => next(day, month, today),
    };
    // "Room 40 may be free" is about no date.
    if date.is_none() && day > 31 && [3, 5].contains(&month) {
        return None;
    }
    *cursor = ahead;
    let name = name_of(month);
    Some(date.ok_or_else(|| match year {
        Some(year) => format!("{name} {year} has no day {day}."),
        None => format!("{name} has no day {day}."),
    }))
}

/// A day and a month in either order.
pub fn day_and_month(cursor: &mut Cursor<'_>) -> Option<(u32, u32)> {
    let day = |word: &str| ordinal(word).or_else(|| digits(word).filter(|_| word.len() <= 2));
    let mut ahead = *cursor;
    let pair = if let Some(month) = ahead.read(month) {
        ahead.take(&["the"]);
        (ahead.read(day)?, month)
    } else {
        ahead.take(&["the"]);
        let day = ahead.read(day)?;
        ahead.take(&["of"]);
        (day, ahead.read(month)?)
    };
    *cursor = ahead;
    Some(pair)
}

/// The next such day, today included; none when no year has it.
pub fn next(day: u32, month: u32, today: NaiveDate) -> Option<NaiveDate> {
    // Eight years: between 2096 and 2104 there is no 29 February.
    (0..=8).filter_map(|years| NaiveDate::from_ymd_opt(today.year() + years, month, day)).find(|date| *date >= today)
}

/// "on the 15th": the next day with this number.
fn day_of_month(cursor: &mut Cursor<'_>, introduced: bool, today: NaiveDate) -> Read<NaiveDate> {
    let mut ahead = *cursor;
    if !introduced || !ahead.take(&["the"]) {
        return None;
    }
    let day = ahead.read(ordinal)?;
    // "on the 1st floor" is no date.
    if !closes(&ahead) {
        return None;
    }
    *cursor = ahead;
    let first = today.with_day(1).unwrap_or(today);
    let months = (0..=12).filter_map(|months| first.checked_add_months(Months::new(months)));
    let date = months.filter_map(|month| month.with_day(day)).find(|date| *date >= today);
    Some(date.ok_or_else(|| format!("No month has a day {day}.")))
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// What lengths of time are counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Sixty seconds.
    Minute,
    /// Sixty of those.
    Hour,
    /// From one day to the next on the wall clock.
    Day,
    /// Seven of those.
    Week,
    /// To the same day of the next.
    Month,
    /// To the same day of the next.
    Year,
}

impl Amount {
    /// In minutes, as far as it has a fixed length.
    pub fn minutes(self) -> Option<i64> {
        let each = match self.unit {
            Unit::Minute => 1,
            Unit::Hour => 60,
            Unit::Day => 24 * 60,
            Unit::Week => 7 * 24 * 60,
            Unit::Month | Unit::Year => return None,
        };
        Some(i64::from(self.count) * each)
    }

    /// The day so many days, weeks, months or years later; none when that is too far away.
    pub fn after(self, today: NaiveDate) -> Option<NaiveDate> {
        let date = match self.unit {
            Unit::Minute | Unit::Hour => None,
            Unit::Day => today.checked_add_days(Days::new(u64::from(self.count))),
            Unit::Week => today.checked_add_days(Days::new(u64::from(self.count) * 7)),
            Unit::Month => today.checked_add_months(Months::new(self.count)),
            Unit::Year => today.checked_add_months(Months::new(self.count.checked_mul(12)?)),
        };
        let last = today.checked_add_months(Months::new(FARTHEST_YEARS * 12))?;
        date.filter(|date| *date <= last)
    }
}

/// "1d", "15m", "2 hours", "an hour".
pub fn amount(cursor: &mut Cursor<'_>) -> Option<Amount> {
    let glued = |word: &str| {
        let at = word.find(|each: char| !each.is_ascii_digit())?;
        Some(Amount { count: digits(&word[..at])?, unit: short_unit(&word[at..]).or_else(|| unit(&word[at..]))? })
    };
    let mut ahead = *cursor;
    let found = ahead.read(glued).or_else(|| Some(Amount { count: ahead.read(number)?, unit: ahead.read(unit)? }))?;
    *cursor = ahead;
    Some(found)
}

/// A unit by its name.
pub fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" => Unit::Day,
        "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

fn short_unit(word: &str) -> Option<Unit> {
    Some(match word {
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        _ => return None,
    })
}

/// A time of day. After a date "9:30" needs no "at".
pub fn clock(cursor: &mut Cursor<'_>, follows_date: bool) -> Read<Clock> {
    if !follows_date && OTHER.contains(&cursor.before()) {
        return None;
    }
    let mut ahead = *cursor;
    let introduced = ahead.take(&["due"]) | ahead.take(&["at", "by"]);
    let word = ahead.peek();
    ahead.step();
    let sure = |time: Option<NaiveTime>| {
        Some(time.map(|time| Clock { time, is_bare: false }).ok_or_else(|| format!("{word} is no time of day.")))
    };
    let found = match word {
        "noon" => sure(NaiveTime::from_hms_opt(12, 0, 0)),
        "midnight" if introduced => Some(Err("A day has two midnights; write 00:00 or 23:59.".to_owned())),
        _ if half(word).is_some() => sure(half(word).and_then(|(hour, minute, is_pm)| twelve(hour, minute, is_pm))),
        _ if colon(word).is_some() => {
            let (hour, minute) = colon(word)?;
            if let Some(is_pm) = ahead.read(am_or_pm) {
                sure(twelve(hour, minute, is_pm))
            } else if introduced || follows_date || (word.len() == 5 && hour < 24 && minute < 60) {
                let time = NaiveTime::from_hms_opt(hour, minute, 0);
                // "tonight at 8:30"
                Some(
                    time.map(|time| Clock { time, is_bare: word.len() == 4 }).ok_or_else(|| format!("{word} is no time of day.")),
                )
            } else {
                None
            }
        }
        _ => {
            let hour = digits(word).filter(|_| word.len() <= 2)?;
            if let Some(is_pm) = ahead.read(am_or_pm) {
                sure(twelve(hour, 0, is_pm))
            } else if introduced
                && hour < 24
                && (ahead.take(&["o'clock", "o’clock", "sharp"]) || cursor.at() == 0 || closes(&ahead))
            {
                NaiveTime::from_hms_opt(hour, 0, 0).map(|time| Ok(Clock { time, is_bare: true }))
            } else {
                None
            }
        }
    };
    if found.is_some() {
        *cursor = ahead;
    }
    found
}

impl Clock {
    /// The time on a day; an hour that may be both is of the evening when the day says so.
    pub fn on(self, evening: bool) -> NaiveTime {
        match self.time.hour() {
            1..=11 if evening && self.is_bare => self.time.with_hour(self.time.hour() + 12).unwrap_or(self.time),
            _ => self.time,
        }
    }
}

/// "9am", "9:30pm".
fn half(word: &str) -> Option<(u32, u32, bool)> {
    let at = word.len().checked_sub(2).filter(|at| word.is_char_boundary(*at))?;
    let (time, ending) = word.split_at(at);
    let is_pm = am_or_pm(ending)?;
    let (hour, minute) = colon(time).or_else(|| digits(time).filter(|_| time.len() <= 2).map(|hour| (hour, 0)))?;
    Some((hour, minute, is_pm))
}

fn am_or_pm(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m" => Some(false),
        "pm" | "p.m" => Some(true),
        _ => None,
    }
}

/// "9:30", "17:30"; a ratio such as 1:1 has one digit behind the colon.
fn colon(word: &str) -> Option<(u32, u32)> {
    let (hour, minute) = word.split_once(':')?;
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    Some((digits(hour)?, digits(minute)?))
}

fn twelve(hour: u32, minute: u32, is_pm: bool) -> Option<NaiveTime> {
    let hour = (1..=12).contains(&hour).then_some(hour % 12)?;
    NaiveTime::from_hms_opt(hour + if is_pm { 12 } else { 0 }, minute, 0)
}

/// Whether what comes next cannot be what a number before it counts: the end, another instruction, or a small word.
pub fn closes(cursor: &Cursor<'_>) -> bool {
    const SMALL: [&str; 24] = [
        "", "about", "and", "at", "because", "but", "by", "due", "every", "for", "if", "in", "next", "noon", "on", "or",
        "remind", "starting", "then", "this", "to", "until", "via", "with",
    ];
    let word = cursor.peek();
    SMALL.contains(&word)
        || ["today", "tonight", "tomorrow"].contains(&word)
        || WEEKDAYS.contains(&word)
        || month(word).is_some()
        || word.starts_with(['#', '!', '-', '–', '—', '@', '&', '(', '+'])
}

/// A month by its name or the first three letters of it.
pub fn month(word: &str) -> Option<u32> {
    let known = |name: &str| word == name || word == &name[..3] || (word == "sept" && name.starts_with("sept"));
    let at = MONTHS.iter().position(|name| known(name))?;
    u32::try_from(at + 1).ok()
}

/// A weekday by its name or an abbreviation.
pub fn weekday(word: &str) -> Option<Weekday> {
    const SHORT: [(&str, usize); 6] = [("tues", 1), ("weds", 2), ("thur", 3), ("thurs", 3), ("tue", 1), ("thu", 3)];
    let named = WEEKDAYS.iter().position(|name| word == *name || word == &name[..3]);
    let at = named.or_else(|| SHORT.iter().find(|(short, _)| *short == word).map(|(_, at)| *at))?;
    u8::try_from(at).ok().and_then(|at| Weekday::try_from(at).ok())
}

/// A month's name.
pub fn name_of(month: u32) -> &'static str {
    u8::try_from(month).ok().and_then(|month| chrono::Month::try_from(month).ok()).map_or("That month", |month| month.name())
}

/// Years in which somebody may have something to do.
fn plausible(year: i32) -> bool {
    (1970..=2199).contains(&year)
}
