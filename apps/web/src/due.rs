//! What the due badge says: the same rule as `wording` in `static/live.js`, which moves it on without a reload.

use chrono::{DateTime, Utc};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// From here on hours are counted instead of minutes.
const MINUTES_UNTIL: i64 = 60;
/// From here on days are counted instead of hours.
const HOURS_UNTIL: i64 = 48;

/// `Due in 5 minutes`, `Due now`, `Overdue by 3 days`: rounded to the nearest, a half up; the unit changes at 60 minutes and 48 hours.
pub fn words(due_at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = (due_at - now).num_milliseconds();
    match distance(left.abs()) {
        None => "Due now".into(),
        Some(distance) if left > 0 => format!("Due in {distance}"),
        Some(distance) => format!("Overdue by {distance}"),
    }
}

/// `overdue`, `now`, `soon` (within a day) or `later`: what the badge's look goes by.
pub fn state(due_at: DateTime<Utc>, now: DateTime<Utc>) -> &'static str {
    let left = (due_at - now).num_milliseconds();
    match distance(left.abs()) {
        None => "now",
        Some(_) if left < 0 => "overdue",
        Some(_) if left <= DAY => "soon",
        Some(_) => "later",
    }
}

/// `5 minutes`; nothing for less than half a minute.
fn distance(milliseconds: i64) -> Option<String> {
    let nearest = |unit: i64| (milliseconds + unit / 2) / unit;
    let counted = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match (nearest(MINUTE), nearest(HOUR)) {
        (0, _) => None,
        (minutes, _) if minutes < MINUTES_UNTIL => Some(counted(minutes, "minute")),
        (_, hours) if hours < HOURS_UNTIL => Some(counted(hours, "hour")),
        _ => Some(counted(nearest(DAY), "day")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn after(seconds: i64) -> String {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        words(now + TimeDelta::seconds(seconds), now)
    }

    #[test]
    fn it_is_rounded_to_the_nearest_and_counts_one_as_one() {
        assert_eq!(after(29), "Due now");
        assert_eq!(after(30), "Due in 1 minute");
        assert_eq!(after(89), "Due in 1 minute");
        assert_eq!(after(90), "Due in 2 minutes");
        assert_eq!(after(-29), "Due now");
        assert_eq!(after(-31), "Overdue by 1 minute");
    }

    #[test]
    fn the_unit_changes_at_sixty_minutes_and_forty_eight_hours() {
        assert_eq!(after(59 * 60 + 29), "Due in 59 minutes");
        assert_eq!(after(59 * 60 + 30), "Due in 1 hour");
        assert_eq!(after(3600), "Due in 1 hour");
        assert_eq!(after(90 * 60), "Due in 2 hours");
        assert_eq!(after(47 * 3600 + 29 * 60), "Due in 47 hours");
        assert_eq!(after(48 * 3600), "Due in 2 days");
        assert_eq!(after(-48 * 3600), "Overdue by 2 days");
        assert_eq!(after(60 * 3600), "Due in 3 days");
    }

    #[test]
    fn the_state_says_how_near() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |seconds: i64| state(now + TimeDelta::seconds(seconds), now);
        assert_eq!([at(-60), at(0), at(3600), at(86_400), at(86_401)], ["overdue", "now", "soon", "soon", "later"]);
    }
}
