//! The calculator against a second one, written by others in another language.

mod asked;

use calendar::Calendar;
use chrono::SecondsFormat;

use crate::asked::{PATTERNS, asked, theirs};

/// Dates of each pattern that are compared.
const DATES: usize = 5;

#[test]
fn ten_thousand_patterns_give_the_dates_that_python_dateutil_gives() {
    let asked = asked();
    let (theirs, _) = theirs(&asked, DATES);
    let mut dates = 0;
    for ((pattern, after), theirs) in asked.iter().zip(theirs) {
        let ours = Calendar::of(pattern).unwrap().after(*after, DATES).unwrap();
        let ours: Vec<String> = ours.iter().map(|date| date.to_rfc3339_opts(SecondsFormat::Secs, true)).collect();
        assert_eq!(ours, theirs, "{pattern:?} after {after}");
        dates += ours.len();
    }
    assert!(dates > 3 * PATTERNS, "{dates} dates were compared");
}
