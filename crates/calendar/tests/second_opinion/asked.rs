//! What both calculators are asked, and what the other one answers.

#![expect(clippy::unwrap_used, reason = "what cannot be asked ends the run, and its place says why")]

use std::io::Write;
use std::process::{Command, Stdio};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contracts::task::{DayOfWeek, EndType, PatternType, RecurrencePattern};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Patterns that are compared.
pub const PATTERNS: usize = 10_000;
/// Zones that change their clocks in both hemispheres, by an hour and by half of one, and one that never does.
const ZONES: [&str; 6] =
    ["America/New_York", "Europe/Berlin", "Australia/Sydney", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"];
const WEEK: [DayOfWeek; 7] =
    [DayOfWeek::Mo, DayOfWeek::Tu, DayOfWeek::We, DayOfWeek::Th, DayOfWeek::Fr, DayOfWeek::Sa, DayOfWeek::Su];

/// A pattern, and the instant after which its next dates are asked for.
pub type Asked = (RecurrencePattern, DateTime<Utc>);

/// The same ones in every run.
pub fn asked() -> Vec<Asked> {
    let mut random = StdRng::seed_from_u64(1);
    let one = |_| {
        let pattern = pattern(&mut random);
        let after = pattern.anchor_local.unwrap().and_utc() + TimeDelta::minutes(random.random_range(-2000..200_000));
        (pattern, after)
    };
    (0..PATTERNS).map(one).collect()
}

fn pattern(random: &mut StdRng) -> RecurrencePattern {
    let types = [PatternType::Daily, PatternType::Weekly, PatternType::Monthly, PatternType::Yearly];
    let pattern_type = types[random.random_range(0..4)];
    // From 2020 on.
    let day = NaiveDate::default() + TimeDelta::days(18_262 + random.random_range(0..2500));
    // Half of them in the hours in which clocks change.
    let minute = if random.random_bool(0.5) { random.random_range(0..240) } else { random.random_range(0..1440) };
    let days = random.random_range(1..=7);
    RecurrencePattern {
        pattern_type,
        interval: if random.random_bool(0.5) { 1 } else { random.random_range(1..=12) },
        days_of_week: (pattern_type == PatternType::Weekly).then(|| WEEK.sample(random, days).copied().collect()),
        day_of_month: (pattern_type == PatternType::Monthly && random.random_bool(0.5)).then(|| random.random_range(1..=31)),
        end_type: EndType::Never,
        end_after_occurrences: None,
        end_by_date: random.random_bool(0.2).then(|| day + TimeDelta::days(random.random_range(0..400))),
        anchor_local: day.and_hms_opt(minute / 60, minute % 60, 0),
        timezone: Some(ZONES[random.random_range(0..ZONES.len())].to_owned()),
    }
}

/// The first `count` dates of each as python-dateutil gives them, and how many seconds it calculated.
pub fn theirs(asked: &[Asked], count: usize) -> (Vec<Vec<String>>, f64) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/second_opinion/second_opinion.py");
    let mut python = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut questions = python.stdin.take().unwrap();
    let question =
        |(pattern, after): &Asked| format!("{}\n", serde_json::json!({ "pattern": pattern, "after": after, "count": count }));
    let lines: String = asked.iter().map(question).collect();
    let writer = std::thread::spawn(move || questions.write_all(lines.as_bytes()).unwrap());
    let answers = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(answers.status.success(), "python3 with python-dateutil is needed");
    let answers = String::from_utf8(answers.stdout).unwrap();
    let (answers, seconds) = answers.trim_end().rsplit_once('\n').unwrap();
    let answers: Vec<_> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), asked.len());
    (answers, seconds.parse().unwrap())
}
