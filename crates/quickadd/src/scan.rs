//! Finds what is an instruction among the words of a line, from left to right.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::task::Priority;

use crate::Moment;
use crate::line::{Cursor, Word, digits};
use crate::repeat::{self, End, Repeat};
use crate::when::{self, Clock, Day, Read};

/// Longest name of a tag, in characters.
const MAX_TAG: usize = 50;
/// A year in minutes: the earliest a reminder may come.
const MAX_OFFSET: i64 = 525_600;

/// Something that the line says.
#[derive(Clone, Debug)]
pub enum Item {
    /// A day.
    Day(Day),
    /// A time of day.
    Clock(Clock),
    /// A day and a time in one, as in "in 2 hours".
    Instant(DateTime<Utc>),
    /// That it comes again.
    Repeat(Repeat),
    /// Until when it comes again.
    End(End),
    /// When to tell, in minutes before.
    Remind(i32),
    /// How much it matters.
    Priority(Priority),
    /// A tag.
    Tag(String),
}

/// An item, or why it is none, and where it stands.
#[derive(Debug)]
pub struct Found {
    /// Its bytes.
    pub range: Range<usize>,
    /// Whether nothing stands between the one before and this.
    pub follows: bool,
    /// What it is.
    pub item: Result<Item, String>,
}

/// Everything that is found, in the order of the line.
pub fn scan(words: &[Word], moment: Moment) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let (mut at, mut end) = (0, None);
    while at < words.len() {
        let mut cursor = Cursor::new(words, at);
        let follows = end == Some(at);
        let last = found.last().filter(|_| follows).map(|found| &found.item);
        let around = Around {
            follows_date: matches!(last, Some(Ok(Item::Day(_)))),
            follows: matches!(last, Some(Ok(_))),
            repeats: found.iter().any(|found| matches!(found.item, Ok(Item::Repeat(_)))),
        };
        match read(&mut cursor, moment, &around) {
            Some(item) if cursor.moved() => {
                let range = words[at].range.start..words[cursor.at() - 1].range.end;
                found.push(Found { range, follows, item });
                at = cursor.at();
                end = Some(at);
            }
            _ => at += 1,
        }
    }
    found
}

/// What stands before a word.
struct Around {
    follows_date: bool,
    follows: bool,
    repeats: bool,
}

fn read(cursor: &mut Cursor<'_>, moment: Moment, around: &Around) -> Read<Item> {
    fn one<T>(read: Read<T>, item: impl FnOnce(T) -> Item) -> Read<Item> {
        read.map(|read| read.map(item))
    }
    // Each reader takes its own copy, so that what it looked at and did not want is there for the next.
    let mut attempt = |reader: &mut dyn FnMut(&mut Cursor<'_>) -> Read<Item>| {
        let mut ahead = *cursor;
        let found = reader(&mut ahead)?;
        *cursor = ahead;
        Some(found)
    };
    attempt(&mut |cursor| one(tag(cursor), Item::Tag))
        .or_else(|| attempt(&mut |cursor| one(priority(cursor), Item::Priority)))
        .or_else(|| attempt(&mut |cursor| one(remind(cursor), Item::Remind)))
        .or_else(|| attempt(&mut |cursor| one(repeat::repeat(cursor, moment), Item::Repeat)))
        .or_else(|| attempt(&mut |cursor| one(repeat::end(cursor, moment, around.repeats, around.follows), Item::End)))
        .or_else(|| attempt(&mut |cursor| later(cursor, moment)))
        .or_else(|| attempt(&mut |cursor| one(when::clock(cursor, around.follows_date), Item::Clock)))
        .or_else(|| attempt(&mut |cursor| one(when::date(cursor, moment), Item::Day)))
}

/// "#home": letters of any script, digits, - and _, at least one of them a letter.
fn tag(cursor: &mut Cursor<'_>) -> Read<String> {
    let name = cursor.spelled().strip_prefix('#')?;
    if !name.chars().all(is_of_a_tag) || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    cursor.step();
    let length = name.chars().count();
    Some(if length <= MAX_TAG {
        Ok(name.to_owned())
    } else {
        Err(format!("A tag has at most {MAX_TAG} characters, this one has {length}."))
    })
}

/// Scripts beyond Latin write letters of several characters, marks and joiners among them.
fn is_of_a_tag(each: char) -> bool {
    let is_joiner = matches!(each, '\u{200c}' | '\u{200d}');
    let is_sign = matches!(each, '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{ffff}');
    each.is_alphanumeric() || matches!(each, '-' | '_') || is_joiner || (!each.is_ascii() && !is_sign && !each.is_whitespace())
}

/// "!high", "!1".
fn priority(cursor: &mut Cursor<'_>) -> Read<Priority> {
    let name = cursor.peek().strip_prefix('!')?;
    if name.is_empty() || !name.chars().all(char::is_alphanumeric) {
        return None;
    }
    let priority = match name {
        "high" | "1" => Ok(Priority::High),
        "medium" | "2" => Ok(Priority::Medium),
        "low" | "3" => Ok(Priority::Low),
        _ => Err(format!("!{name} is no priority; there are !high, !medium and !low.")),
    };
    cursor.step();
    Some(priority)
}

/// "remind 1d", "remind me 2 hours before".
fn remind(cursor: &mut Cursor<'_>) -> Read<i32> {
    if !cursor.take(&["remind"]) {
        return None;
    }
    cursor.take(&["me"]);
    let mut ahead = *cursor;
    let Some(amount) = when::amount(&mut ahead) else {
        // "remind 1x" was meant to be one; "remind 5 people" was not.
        let word = cursor.peek();
        let at = word.find(|each: char| !each.is_ascii_digit()).filter(|at| *at > 0)?;
        let _ = digits(&word[..at])?;
        cursor.step();
        return Some(Err(format!("{word} is no length of time; write 15m, 2h, 1d or 1 week.")));
    };
    *cursor = ahead;
    cursor.take(&["before", "earlier"]);
    let minutes = amount.minutes().filter(|minutes| *minutes <= MAX_OFFSET).and_then(|minutes| i32::try_from(minutes).ok());
    Some(minutes.ok_or_else(|| "A reminder comes at most 365 days before, said in minutes, hours, days or weeks.".to_owned()))
}

/// "in 3 days", "in an hour".
fn later(cursor: &mut Cursor<'_>, moment: Moment) -> Read<Item> {
    if !cursor.take(&["in"]) {
        return None;
    }
    let amount = when::amount(cursor)?;
    let too_far = || "That is too far away.".to_owned();
    Some(match amount.unit {
        when::Unit::Minute | when::Unit::Hour => {
            let minutes = amount.minutes().filter(|minutes| *minutes <= MAX_OFFSET * 100).ok_or_else(too_far);
            minutes.map(|minutes| Item::Instant(moment.now + TimeDelta::minutes(minutes)))
        }
        _ => {
            let date = amount.after(moment.today).ok_or_else(too_far);
            date.map(|date| Item::Day(Day { date, evening: false, starting: false }))
        }
    })
}
