//! Local wall time to a point in time and back, in the person's zone.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// What `<input type="datetime-local">` reads and writes.
const INPUT: &str = "%Y-%m-%dT%H:%M";
/// What is taken as well: seconds, and a space as people type it where the browser has no picker.
const ALSO: [&str; 3] = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];

/// The zone by its IANA name; UTC when it is none.
pub fn of(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// The moment a local time stands for. A time that the clock skips moves forward by the gap's length; of one that comes twice, the first.
///
/// # Errors
/// The rule, when it is no date and time.
pub fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let parsed = std::iter::once(INPUT).chain(ALSO).find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let local = parsed.ok_or_else(|| "must be a date and time, such as 2026-03-01 14:00".to_owned())?;
    if !(1970..=9999).contains(&chrono::Datelike::year(&local)) {
        return Err("must be between the years 1970 and 9999".into());
    }
    Ok(calendar::instant(local, zone))
}

/// The value of an input for a moment.
pub fn input(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format(INPUT).to_string()
}

/// A moment in full: `Sat 21 Nov 2026, 14:00 CET (Europe/Berlin)`.
pub fn full(at: DateTime<Utc>, zone: Tz) -> String {
    format!("{} ({})", at.with_timezone(&zone).format("%a %-d %b %Y, %H:%M %Z"), zone.name())
}

/// A moment in short, with the year only when it is another one: `21 Nov, 14:00`.
pub fn short(at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> String {
    let (local, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let same_year = chrono::Datelike::year(&local) == chrono::Datelike::year(&today);
    local.format(if same_year { "%-d %b, %H:%M" } else { "%-d %b %Y, %H:%M" }).to_string()
}

/// A moment for `<time datetime>`.
pub fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: Tz) -> String {
        iso(instant(text, zone).unwrap())
    }

    #[test]
    fn an_ordinary_time_goes_there_and_back() {
        assert_eq!(at("2026-07-01T14:00", Tz::Europe__Berlin), "2026-07-01T12:00:00Z");
        assert_eq!(at("2026-07-01 14:00", Tz::America__New_York), "2026-07-01T18:00:00Z");
        let moment = instant("2026-01-01T09:30", Tz::Asia__Kolkata).unwrap();
        assert_eq!(input(moment, Tz::Asia__Kolkata), "2026-01-01T09:30");
        assert_eq!(full(moment, Tz::Asia__Kolkata), "Thu 1 Jan 2026, 09:30 IST (Asia/Kolkata)");
    }

    #[test]
    fn a_skipped_time_moves_forward_by_the_gap() {
        // 02:00 becomes 03:00.
        assert_eq!(at("2026-03-08T02:30", Tz::America__New_York), at("2026-03-08T03:30", Tz::America__New_York));
        assert_eq!(at("2026-10-04T02:15", Tz::Australia__Sydney), at("2026-10-04T03:15", Tz::Australia__Sydney));
        // Lord Howe moves by half an hour.
        assert_eq!(at("2026-10-04T02:10", Tz::Australia__Lord_Howe), at("2026-10-04T02:40", Tz::Australia__Lord_Howe));
        // Samoa had no 30 December 2011.
        assert_eq!(at("2011-12-30T10:00", Tz::Pacific__Apia), at("2011-12-31T10:00", Tz::Pacific__Apia));
    }

    #[test]
    fn of_a_time_that_comes_twice_it_is_the_first() {
        assert_eq!(at("2026-11-01T01:30", Tz::America__New_York), "2026-11-01T05:30:00Z");
        assert_eq!(at("2026-04-05T02:30", Tz::Australia__Sydney), "2026-04-04T15:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "tomorrow", "2026-02-30T10:00", "2026-01-01", "0026-01-01T10:00"] {
            assert!(instant(text, Tz::UTC).is_err(), "{text:?}");
        }
    }
}
