//! What the grammar promises: its document's tables, values that words do not show, and any text at all.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::{DayOfWeek, EndType, PatternType, Priority};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::{Draft, Kind, read};

/// The grammar for people.
const DOCUMENT: &str = include_str!("../../../docs/quick-add.md");
const ZONE: Tz = Tz::Europe__Berlin;

/// Saturday, 21 November 2026, 10:00 in Berlin.
fn now() -> DateTime<Utc> {
    at("2026-11-21T09:00:00Z")
}

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

fn draft(line: &str) -> Draft {
    read(line, ZONE, now())
}

fn section(title: &str) -> &'static str {
    let text = DOCUMENT.split_once(&format!("\n## {title}\n")).unwrap().1;
    text.split_once("\n## ").map_or(text, |(section, _)| section)
}

#[test]
fn the_examples_of_the_document_are_true() {
    let rows: Vec<Vec<&str>> = section("Examples")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 50, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let draft = draft(row[0].trim_matches('`'));
        let understood: Vec<&str> = draft.parts.iter().map(|part| part.words.as_str()).collect();
        let problems: Vec<&str> = draft.problems.iter().map(|problem| problem.message.as_str()).collect();
        let read = [row[0].to_owned(), draft.title.clone(), understood.join("; "), problems.join(" ")];
        if read != row[..] {
            wrong.push(format!("{row:?}\n{read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn ordinary_titles_stay_as_they_are() {
    let titles: Vec<&str> = section("What stays a title").lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert!(titles.len() >= 40, "{}", titles.len());
    let touched = titles.iter().map(|title| (title, draft(title)));
    let touched: Vec<_> =
        touched.filter(|(title, draft)| *draft != Draft { title: (***title).to_owned(), ..Draft::default() }).collect();
    assert!(touched.is_empty(), "{touched:#?}");
}

#[test]
fn a_draft_holds_what_its_words_say() {
    let line = "Pay rent every month on the 1st at 9:00 #home #Home !high remind 1d";
    let draft = draft(line);
    assert_eq!(draft.due_at, Some(at("2026-12-01T08:00:00Z")));
    assert_eq!((draft.reminder_offset_minutes, draft.priority), (Some(1440), Some(Priority::High)));
    assert_eq!(draft.tags, ["home"], "a tag counts once, whatever its letter case");
    let pattern = draft.recurrence_pattern.unwrap();
    assert_eq!((pattern.pattern_type, pattern.interval, pattern.day_of_month), (PatternType::Monthly, 1, Some(1)));
    assert_eq!((pattern.end_type, pattern.anchor_local, pattern.timezone), (EndType::Never, None, None));
    let of = |kind| draft.parts.iter().find(|part| part.kind == kind).map(|part| &line[part.range.clone()]);
    assert_eq!(of(Kind::Due), Some("at 9:00"));
    assert_eq!(of(Kind::Repeat), Some("every month on the 1st"));
    assert_eq!(of(Kind::Reminder), Some("remind 1d"));
    assert_eq!((of(Kind::Tag), of(Kind::Priority)), (Some("#home"), Some("!high")));
}

#[test]
fn a_day_without_a_time_is_due_at_its_end_in_the_zone() {
    assert_eq!(draft("x tomorrow").due_at, Some(at("2026-11-22T22:59:00Z")));
    let auckland = read("x tomorrow", Tz::Pacific__Auckland, now());
    assert_eq!(auckland.due_at, Some(at("2026-11-22T10:59:00Z")), "there the 22nd is near, and ends early");
    let honolulu = read("x today", Tz::Pacific__Honolulu, now());
    assert_eq!(honolulu.due_at, Some(at("2026-11-21T09:59:00Z")), "there it is the 20th");
}

#[test]
fn a_time_that_the_clock_skips_moves_on_and_of_one_shown_twice_the_first_is_meant() {
    let skipped = draft("x 28 Mar 2027 at 2:30");
    assert_eq!((skipped.due_at, skipped.parts[0].words.as_str()), (Some(at("2027-03-28T01:30:00Z")), "Sun 28 Mar 2027, 03:30"));
    assert_eq!(draft("x 31 Oct 2027 at 2:30").due_at, Some(at("2027-10-31T00:30:00Z")));
}

#[test]
fn a_pattern_has_what_its_type_needs() {
    let pattern = |line: &str| draft(line).recurrence_pattern.unwrap();
    let week = pattern("x every week at 9am");
    assert_eq!(week.days_of_week, Some(vec![DayOfWeek::Su]), "nine has passed, so it begins tomorrow");
    let days = pattern("x every fri, mon & fri for 10 times");
    assert_eq!(days.days_of_week, Some(vec![DayOfWeek::Mo, DayOfWeek::Fr]));
    assert_eq!((days.end_type, days.end_after_occurrences), (EndType::AfterOccurrences, Some(10)));
    let end = pattern("x every day until 1 June");
    assert_eq!((end.end_type, end.end_by_date), (EndType::ByDate, "2027-06-01".parse().ok()));
    let month = pattern("x every 2 months on the last day");
    assert_eq!((month.interval, month.day_of_month, month.days_of_week), (2, Some(31), None));
    assert_eq!(pattern("x every month").day_of_month, None, "the day of the first date");
    assert_eq!(pattern("x every year on 24 Dec").pattern_type, PatternType::Yearly);
}

#[test]
fn problems_say_where_they_are() {
    let line = "Fix it !urgent by 31 Feb";
    let draft = draft(line);
    let places: Vec<&str> = draft.problems.iter().map(|problem| &line[problem.range.clone()]).collect();
    assert_eq!((places, draft.title.as_str()), (vec!["!urgent", "by 31 Feb"], line));
}

#[test]
fn a_task_has_at_most_twenty_tags_of_fifty_characters() {
    let line: String = (0..21).map(|at| format!("#tag{at} ")).collect();
    let many = draft(&line);
    assert_eq!((many.tags.len(), many.title.as_str(), many.problems.len()), (20, "#tag20", 1));
    let long = draft(&format!("x #{}", "ä".repeat(51)));
    assert_eq!((long.tags.len(), long.problems.len()), (0, 1));
}

/// Pieces that the grammar knows, and some that are in its way.
const PIECES: [&str; 90] = [
    "every month on the 1st",
    "every 2 weeks on mon and fri",
    "every year on 24 Dec",
    "every weekday",
    "every 15th",
    "in 3 days",
    "at 9",
    "next monday",
    "until 1 June",
    "remind 2 hours before",
    "1 Dec 2027",
    "on the 15th",
    "today",
    "tomorrow",
    "tonight",
    "monday",
    "sun",
    "next",
    "this",
    "on",
    "by",
    "due",
    "at",
    "in",
    "the",
    "of",
    "1st",
    "31st",
    "32nd",
    "9",
    "9am",
    "13pm",
    "17:30",
    "25:99",
    "1:1",
    "noon",
    "midnight",
    "Dec",
    "feb",
    "31",
    "0",
    "2027",
    "2026-12-01",
    "2026-02-31",
    "every",
    "other",
    "day",
    "days",
    "weeks",
    "month",
    "year",
    "years",
    "weekday",
    "mon-fri",
    "fri-mon",
    ",",
    "and",
    "until",
    "for",
    "10",
    "times",
    "remind",
    "me",
    "1d",
    "15m",
    "before",
    "hours",
    "99999999999",
    "4294967295",
    "#home",
    "#",
    "#台所",
    "!high",
    "!1",
    "!",
    "\"",
    "“",
    "”",
    "starting",
    "last",
    "a",
    "İ",
    "ß",
    "\u{2028}",
    "e\u{301}",
    "🎉",
    "é!",
    "mon,",
    "day.",
    "—",
];

#[test]
fn any_text_can_be_read_and_what_was_not_understood_is_the_title() {
    let mut random = SmallRng::seed_from_u64(2026);
    let zones = [Tz::Europe__Berlin, Tz::Pacific__Apia, Tz::America__Havana, Tz::Asia__Kathmandu, Tz::UTC];
    let mut understood = 0;
    for round in 0..10_000 {
        let mut line = String::new();
        for _ in 0..random.random_range(0..14) {
            if round % 4 == 0 {
                line.extend(random.random::<char>().to_lowercase());
            }
            line.push_str(PIECES.choose(&mut random).unwrap());
            line.push_str([" ", "  ", "", "\t", " "][random.random_range(0..5)]);
        }
        let now = at("1990-01-01T00:00:00Z") + chrono::TimeDelta::minutes(random.random_range(0..60_000_000));
        let draft = read(&line, *zones.choose(&mut random).unwrap(), now);
        let mut left = String::new();
        let mut end = 0;
        for part in &draft.parts {
            assert!(part.range.start >= end && part.range.start < part.range.end, "{line:?}: {draft:#?}");
            left.push_str(line.get(end..part.range.start).unwrap());
            assert!(!part.words.is_empty(), "{line:?}: {draft:#?}");
            end = part.range.end;
        }
        left.push_str(line.get(end..).unwrap());
        for problem in &draft.problems {
            assert!(line.get(problem.range.clone()).is_some(), "{line:?}: {draft:#?}");
        }
        let bare = |text: &str| text.replace(['"', '“', '”'], "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(bare(&draft.title), bare(&left), "{line:?}: {draft:#?}");
        assert_eq!(
            draft.reminder_offset_minutes.is_some(),
            draft.parts.iter().any(|part| part.kind == Kind::Reminder),
            "{line:?}"
        );
        if let Some(pattern) = &draft.recurrence_pattern {
            assert!(draft.due_at.is_some() && (1..=365).contains(&pattern.interval), "{line:?}: {draft:#?}");
            let has_days = pattern.days_of_week.as_ref().is_some_and(|days| !days.is_empty());
            assert_eq!(has_days, pattern.pattern_type == PatternType::Weekly, "{line:?}: {draft:#?}");
        }
        understood += draft.parts.len();
    }
    assert!(understood > 5_000, "the pieces are those of the grammar: {understood} were understood");
}
