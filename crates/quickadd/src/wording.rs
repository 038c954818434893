//! Says back what was understood.

use chrono::NaiveDate;
use contracts::task::{DayOfWeek, PatternType, Priority};

use crate::repeat::{End, Repeat, WORKDAYS};

/// "Tue 1 Dec 2026, 09:00".
pub const INSTANT: &str = "%a %-d %b %Y, %H:%M";
/// "Tue 1 Dec 2026".
pub const DAY: &str = "%a %-d %b %Y";
/// "09:00".
pub const CLOCK: &str = "%H:%M";

/// A day in words.
pub fn day(date: NaiveDate) -> String {
    date.format(DAY).to_string()
}

/// "High priority".
pub fn priority(priority: Priority) -> String {
    let name = match priority {
        Priority::High => "High",
        Priority::Medium => "Medium",
        Priority::Low => "Low",
    };
    format!("{name} priority")
}

/// "Reminder 1 day before".
pub fn reminder(minutes: i32) -> String {
    let (count, unit) = match minutes {
        0 => return "Reminder when it is due".to_owned(),
        _ if minutes % 1440 == 0 => (minutes / 1440, "day"),
        _ if minutes % 60 == 0 => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    format!("Reminder {count} {unit}{} before", if count == 1 { "" } else { "s" })
}

/// "Every 2 weeks on Mon and Fri", "Every month on the 1st".
pub fn repeat(repeat: &Repeat) -> String {
    let (unit, on) = match repeat.pattern {
        PatternType::Daily => ("day", None),
        PatternType::Weekly => ("week", weekdays(&repeat.days)),
        PatternType::Monthly => ("month", repeat.day_of_month.map(|day| format!("the {}", ordinal(day)))),
        PatternType::Yearly => ("year", repeat.date.map(|date| date.format("%-d %b").to_string())),
    };
    let every = match (repeat.interval, repeat.pattern, &on) {
        (1, PatternType::Weekly, _) if repeat.days == WORKDAYS => return "Every weekday".to_owned(),
        // "Every Mon" rather than "Every week on Mon".
        (1, PatternType::Weekly, Some(days)) => return format!("Every {days}"),
        (1, ..) => format!("Every {unit}"),
        (count, ..) => format!("Every {count} {unit}s"),
    };
    on.map_or(every.clone(), |on| format!("{every} on {on}"))
}

/// "Until Tue 1 Jun 2027", "10 times".
pub fn end(end: End) -> String {
    match end {
        End::On(date) => format!("Until {}", day(date)),
        End::After(1) => "Once".to_owned(),
        End::After(count) => format!("{count} times"),
    }
}

fn weekdays(days: &[DayOfWeek]) -> Option<String> {
    let names: Vec<&str> = days.iter().map(|day| calendar::name(*day)).collect();
    Some(match names.split_last()? {
        (last, []) => (*last).to_owned(),
        (last, others) => format!("{} and {last}", others.join(", ")),
    })
}

fn ordinal(day: u8) -> String {
    let ending = match day {
        // The pattern's meaning, whichever way it was written: in a shorter month its last day.
        31 => return "last day".to_owned(),
        11..=13 => "th",
        _ if day % 10 == 1 => "st",
        _ if day % 10 == 2 => "nd",
        _ if day % 10 == 3 => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}
