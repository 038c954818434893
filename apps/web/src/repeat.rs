//! How a task comes again: the controls of the form, to a pattern and back, in words, and the dates it gives.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::{DayOfWeek, EndType, PatternType, RecurrencePattern};
use serde_json::{Value, json};

use crate::form::Fields;
use crate::zone;

/// Monday first, as the API and as people read them.
pub const WEEK: [(&str, &str); 7] =
    [("MO", "Mon"), ("TU", "Tue"), ("WE", "Wed"), ("TH", "Thu"), ("FR", "Fri"), ("SA", "Sat"), ("SU", "Sun")];
/// What an interval counts, by the value of its unit.
pub const UNITS: [(&str, &str); 4] = [("daily", "days"), ("weekly", "weeks"), ("monthly", "months"), ("yearly", "years")];
/// Dates that are shown before anything is saved.
const SHOWN: usize = 3;

/// What the controls show, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// `never`, `daily`, `weekly`, `monthly` or `yearly`.
    pub unit: String,
    /// Every so many of them.
    pub interval: String,
    /// With `weekly`: `MO` to `SU`.
    pub days: Vec<String>,
    /// With `monthly`, from the API only: the day of the month.
    pub day: String,
    /// `never`, `after_occurrences` or `by_date`.
    pub end: String,
    /// With `after_occurrences`: how often in all.
    pub count: String,
    /// With `by_date`: the last date.
    pub until: String,
}

impl Repeat {
    /// What shows a pattern.
    pub fn of(pattern: Option<&RecurrencePattern>) -> Self {
        let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
        let or_nothing = |value: Option<String>| value.unwrap_or_default();
        Self {
            unit: pattern.map_or_else(|| "never".to_owned(), |pattern| word(json!(pattern.pattern_type))),
            interval: pattern.map_or(1, |pattern| pattern.interval).to_string(),
            days: pattern
                .and_then(|pattern| pattern.days_of_week.as_ref())
                .into_iter()
                .flatten()
                .map(|day| word(json!(day)))
                .collect(),
            day: or_nothing(pattern.and_then(|pattern| pattern.day_of_month).map(|day| day.to_string())),
            end: pattern.map_or_else(|| "never".to_owned(), |pattern| word(json!(pattern.end_type))),
            count: or_nothing(pattern.and_then(|pattern| pattern.end_after_occurrences).map(|count| count.to_string())),
            until: or_nothing(pattern.and_then(|pattern| pattern.end_by_date).map(|date| date.to_string())),
        }
    }

    /// What was typed.
    pub fn of_fields(fields: &Fields) -> Self {
        Self {
            unit: fields.or("repeat", "never"),
            interval: fields.or("repeat_interval", "1"),
            days: fields.all("repeat_days"),
            day: fields.get("repeat_day").to_owned(),
            end: fields.or("repeat_end", "never"),
            count: fields.get("repeat_count").to_owned(),
            until: fields.get("repeat_until").to_owned(),
        }
    }

    /// Whether it comes again at all.
    pub fn is_on(&self) -> bool {
        self.unit != "never"
    }

    /// Whether a day of the week is chosen.
    pub fn has(&self, day: &str) -> bool {
        self.days.iter().any(|chosen| chosen == day)
    }

    /// The pattern for the API, what cannot be read as it was typed; nothing when it does not come again.
    pub fn pattern(&self) -> Option<Value> {
        let number = |text: &str| text.trim().parse::<u32>().map_or_else(|_| json!(format!("unreadable: {text}")), Value::from);
        let mut pattern = json!({ "pattern_type": self.unit, "interval": number(&self.interval), "end_type": self.end });
        match self.unit.as_str() {
            "never" => return None,
            "weekly" => pattern["days_of_week"] = json!(self.days),
            "monthly" if !self.day.is_empty() => pattern["day_of_month"] = number(&self.day),
            _ => {}
        }
        match self.end.as_str() {
            "after_occurrences" => pattern["end_after_occurrences"] = number(&self.count),
            "by_date" => pattern["end_by_date"] = json!(self.until.trim()),
            _ => {}
        }
        Some(pattern)
    }

    /// What is wrong with it, in our own words.
    pub fn wrong(&self) -> Option<String> {
        let counts = |text: &str, most: u32| text.trim().parse::<u32>().is_ok_and(|number| (1..=most).contains(&number));
        match () {
            () if !self.is_on() => None,
            () if !counts(&self.interval, 365) => Some("Repeat must be every 1 to 365, such as every 2 weeks.".into()),
            () if self.unit == "weekly" && self.days.is_empty() => Some("Repeat needs at least one day of the week.".into()),
            () if self.end == "after_occurrences" && !counts(&self.count, 100_000) => {
                Some("Repeat needs a number of times after which it ends.".into())
            }
            () if self.end == "by_date" && self.until.trim().parse::<chrono::NaiveDate>().is_err() => {
                Some("Repeat needs its last date, such as 2026-12-31.".into())
            }
            () => None,
        }
    }

    /// The dates after the first, in words, of a task due at `due` or whenever the pattern begins: what people look at before they save.
    pub fn dates(&self, due: &str, zone: Tz, now: DateTime<Utc>) -> Option<String> {
        let mut pattern: RecurrencePattern = serde_json::from_value(self.pattern()?).ok()?;
        if self.wrong().is_some() {
            return None;
        }
        let first = match zone::instant(due, zone) {
            Ok(due) => due.with_timezone(&zone).naive_local(),
            Err(_) if due.trim().is_empty() => calendar::first(&pattern, now, zone).ok()?,
            Err(_) => return None,
        };
        pattern.anchor_local = Some(first);
        pattern.timezone = Some(zone.name().to_owned());
        let left = pattern.end_after_occurrences.map_or(SHOWN, |count| SHOWN.min(usize::try_from(count).unwrap_or(SHOWN) - 1));
        let first = calendar::instant(first, zone);
        let dates = calendar::Calendar::of(&pattern).ok()?.after(first, left).ok()?;
        let words = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %-d %b %Y").to_string();
        let mut all = vec![format!("First {}", words(first))];
        all.extend(dates.iter().map(|date| words(*date)));
        Some(match dates.len() < SHOWN {
            true => format!("{}; that is all.", all.join(", then ")),
            false => format!("{}, and so on.", all.join(", then ")),
        })
    }
}

/// `Every day`, `Every 2 weeks on Mon, Fri`.
pub fn words(pattern: &RecurrencePattern) -> String {
    let (one, many) = match pattern.pattern_type {
        PatternType::Daily => ("day", "days"),
        PatternType::Weekly => ("week", "weeks"),
        PatternType::Monthly => ("month", "months"),
        PatternType::Yearly => ("year", "years"),
    };
    let every = if pattern.interval == 1 { format!("Every {one}") } else { format!("Every {} {many}", pattern.interval) };
    let days: Vec<&str> = pattern.days_of_week.iter().flatten().map(|day| day_words(*day)).collect();
    if days.is_empty() { every } else { format!("{every} on {}", days.join(", ")) }
}

fn day_words(day: DayOfWeek) -> &'static str {
    let index = match day {
        DayOfWeek::Mo => 0,
        DayOfWeek::Tu => 1,
        DayOfWeek::We => 2,
        DayOfWeek::Th => 3,
        DayOfWeek::Fr => 4,
        DayOfWeek::Sa => 5,
        DayOfWeek::Su => 6,
    };
    WEEK.get(index).map_or("", |(_, words)| words)
}

/// How a series ends, for the whole picture: `, 5 times`, `, until 2031-05-03`, nothing.
pub fn end_words(pattern: &RecurrencePattern) -> String {
    match (pattern.end_type, pattern.end_after_occurrences, pattern.end_by_date) {
        (EndType::AfterOccurrences, Some(count), _) => format!(", {count} times"),
        (EndType::ByDate, _, Some(date)) => format!(", until {}", date.format("%-d %b %Y")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly() -> Repeat {
        Repeat { unit: "weekly".into(), interval: "2".into(), days: vec!["MO".into(), "FR".into()], ..Repeat::of(None) }
    }

    fn pattern(repeat: &Repeat) -> RecurrencePattern {
        serde_json::from_value(repeat.pattern().unwrap()).unwrap()
    }

    #[test]
    fn each_type_and_each_end_comes_back_as_it_was_set() {
        let by_date = Repeat { end: "by_date".into(), until: "2031-05-03".into(), ..weekly() };
        let counted = Repeat {
            unit: "monthly".into(),
            day: "31".into(),
            end: "after_occurrences".into(),
            count: "5".into(),
            days: vec![],
            ..weekly()
        };
        for repeat in [weekly(), by_date, counted] {
            assert_eq!(Repeat::of(Some(&pattern(&repeat))), repeat);
        }
        assert_eq!(Repeat::of(None).pattern(), None);
    }

    #[test]
    fn it_is_said_in_words() {
        let by_date = Repeat { end: "by_date".into(), until: "2031-05-03".into(), ..weekly() };
        let pattern = pattern(&by_date);
        assert_eq!(words(&pattern) + &end_words(&pattern), "Every 2 weeks on Mon, Fri, until 3 May 2031");
    }

    #[test]
    fn the_next_three_dates_are_shown_or_those_there_are() {
        let now = "2031-03-01T12:00:00Z".parse().unwrap();
        let daily = Repeat { unit: "daily".into(), ..Repeat::of(None) };
        let shown = daily.dates("2031-03-03T09:00", Tz::UTC, now).unwrap();
        assert_eq!(shown, "First Mon 3 Mar 2031, then Tue 4 Mar 2031, then Wed 5 Mar 2031, then Thu 6 Mar 2031, and so on.");
        let twice = Repeat { end: "after_occurrences".into(), count: "2".into(), ..daily };
        assert_eq!(twice.dates("", Tz::UTC, now).unwrap(), "First Sat 1 Mar 2031, then Sun 2 Mar 2031; that is all.");
        let never = Repeat { days: vec![], ..weekly() };
        assert_eq!(never.dates("2031-03-03T09:00", Tz::UTC, now), None);
    }

    #[test]
    fn what_cannot_be_meant_is_said_and_goes_to_the_api_as_unreadable() {
        for wrong in [
            Repeat { interval: "x".into(), ..weekly() },
            Repeat { interval: "0".into(), ..weekly() },
            Repeat { days: vec![], ..weekly() },
            Repeat { end: "after_occurrences".into(), ..weekly() },
            Repeat { end: "by_date".into(), until: "soon".into(), ..weekly() },
        ] {
            assert!(wrong.wrong().is_some(), "{wrong:?}");
        }
        assert_eq!(weekly().wrong(), None);
        assert_eq!(Repeat { interval: "x".into(), ..weekly() }.pattern().unwrap()["interval"], "unreadable: x");
    }
}
