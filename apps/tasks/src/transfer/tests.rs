//! Files of other programs as tasks, and our own there and back.

use chrono::{DateTime, Utc};
use contracts::task::{DayOfWeek, EndType, PatternType, Priority, Status, Task};
use uuid::Uuid;

use super::*;
use crate::task::tests::caller;

fn now() -> DateTime<Utc> {
    at("2026-11-21T09:00:00Z")
}

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

fn reader() -> Reader {
    Reader { zone: chrono_tz::Europe::Berlin, now: now() }
}

/// A thing of a file: the task that it becomes or why it does not, and what is lost.
type Taken = (String, Result<Task, String>, Vec<String>);

fn taken(format: Format, text: &str) -> Vec<Taken> {
    let items = read(format, text, reader()).unwrap();
    let draft = |mut item: Item| {
        let task = item.draft(Uuid::now_v7(), &caller(), now());
        (item.label, task, item.lost)
    };
    items.into_iter().map(draft).collect()
}

/// The one with this label that became a task, or the first reason why none did.
fn one<'a>(all: &'a [Taken], label: &str) -> (&'a Task, &'a [String]) {
    let found =
        all.iter().filter(|(name, ..)| name == label).find_map(|(_, task, lost)| Some((task.as_ref().ok()?, lost.as_slice())));
    found.unwrap_or_else(|| panic!("{label}: {all:#?}"))
}

fn reasons(all: &[Taken]) -> Vec<(&str, &str)> {
    all.iter().filter_map(|(label, task, _)| Some((label.as_str(), task.as_ref().err()?.as_str()))).collect()
}

#[test]
fn what_taskwarrior_exports_becomes_tasks() {
    let all = taken(Format::Taskwarrior, include_str!("../../fixtures/taskwarrior-2.6.2.json"));
    assert_eq!(all.len(), 10);
    let (rent, lost) = one(&all, "Pay the rent");
    assert_eq!((rent.due_at, rent.priority, lost), (Some(at("2027-03-01T08:30:00Z")), Priority::High, &[][..]));
    assert_eq!(
        (&rent.tags[..], rent.description.as_deref()),
        (&["home".into(), "Home.Garden".into(), "rent".into()][..], Some("The account has changed"))
    );
    let (read, _) = one(&all, "Read \"Dune\", part 2");
    assert_eq!((read.status, read.due_at), (Status::InProgress, None));
    let (water, _) = one(&all, "Water the plants");
    let pattern = water.recurrence_pattern.as_ref().unwrap();
    assert_eq!((pattern.pattern_type, &pattern.days_of_week), (PatternType::Weekly, &Some(vec![DayOfWeek::Mo])));
    let (filters, _) = one(&all, "Clean the filters");
    let pattern = filters.recurrence_pattern.as_ref().unwrap();
    assert_eq!((pattern.interval, pattern.day_of_month, pattern.end_by_date), (3, Some(7), "2028-04-07".parse().ok()));
    assert_eq!(one(&all, "Renew insurance").1, ["wait."]);
    assert_eq!(one(&all, "Überweisung für Anna 🎁").1, ["depends."]);
    let (old, _) = one(&all, "Old thing");
    assert_eq!((old.status, old.completed_at.is_some()), (Status::Completed, true));
    let next = "It is the next date of a recurring task, which is taken.";
    assert_eq!(reasons(&all), [("Water the plants", next), ("Clean the filters", next), ("Thrown away", "It was deleted.")]);
}

#[test]
fn taskwarriors_periods_are_patterns_or_named() {
    let of = |recur: &str| {
        let text = format!(r#"{{"description":"x","uuid":"u","status":"recurring","due":"20270330T080000Z","recur":"{recur}"}}"#);
        taken(Format::Taskwarrior, &text).remove(0)
    };
    for (recur, pattern_type, interval) in [
        ("daily", PatternType::Daily, 1),
        ("weekdays", PatternType::Weekly, 1),
        ("2wks", PatternType::Weekly, 2),
        ("quarterly", PatternType::Monthly, 3),
        ("P1Y", PatternType::Yearly, 1),
        ("10d", PatternType::Daily, 10),
    ] {
        let pattern = of(recur).1.unwrap().recurrence_pattern.unwrap();
        assert_eq!((pattern.pattern_type, pattern.interval), (pattern_type, interval), "{recur}");
    }
    let (_, task, lost) = of("4h");
    assert_eq!((task.unwrap().recurrence_pattern, lost), (None, vec!["Its repetition: no pattern says \"4h\".".to_owned()]));
}

#[test]
fn what_calcurse_exports_becomes_tasks() {
    let all = taken(Format::Ics, include_str!("../../fixtures/calcurse-4.7.1.ics"));
    assert_eq!((all.len(), reasons(&all)), (8, vec![]));
    let (christmas, _) = one(&all, "Christmas Eve");
    assert_eq!(christmas.due_at, Some(at("2027-12-24T22:59:00Z")), "a day is due at its end");
    assert_eq!(christmas.recurrence_pattern.as_ref().unwrap().pattern_type, PatternType::Yearly);
    let (choir, lost) = one(&all, "Choir");
    assert_eq!((choir.due_at, lost), (Some(at("2027-03-02T17:00:00Z")), &["How long it takes.".to_owned()][..]));
    assert_eq!(choir.recurrence_pattern.as_ref().unwrap().days_of_week, Some(vec![DayOfWeek::Tu, DayOfWeek::Fr]));
    let (month, lost) = one(&all, "Month's end");
    assert_eq!(month.recurrence_pattern, None, "in a month without a 31st the rule has no date, a pattern its last day");
    assert!(lost.iter().any(|lost| lost.contains("no pattern says FREQ=MONTHLY")), "{lost:?}");
    let (water, lost) = one(&all, "Water the plants");
    assert_eq!((water.recurrence_pattern.as_ref().unwrap().interval, lost[0].as_str()), (3, "EXDATE."));
    let (bank, _) = one(&all, "Call the bank, then Ann; urgent");
    assert_eq!((bank.priority, bank.due_at), (Priority::High, None));
    assert_eq!(one(&all, "Read the manual").0.priority, Priority::Medium, "0 is none");
    assert_eq!(one(&all, "Old thing").0.status, Status::Completed);
}

#[test]
fn zones_alarms_and_series_of_other_calendars_are_read() {
    let all = taken(Format::Ics, include_str!("../../fixtures/outlook.ics"));
    let (folded, lost) = one(&all, "A title that is folded in the middle of a word, and goes on");
    assert_eq!((folded.due_at, folded.status), (Some(at("2027-04-15T08:00:00Z")), Status::InProgress));
    assert_eq!((folded.reminder_offset_minutes, folded.description.as_deref()), (Some(90), Some("First line\nSecond line")));
    assert_eq!(folded.tags, ["Home", "Third", "Work"]);
    assert_eq!(lost, ["ATTENDEE, LOCATION.", "1 of its alarms: a task has one reminder."]);
    assert_eq!(one(&all, "Done").0.completed_at, Some(at("2026-03-01T12:00:00Z")));
    let (second, lost) = one(&all, "Second Tuesday");
    assert_eq!((second.due_at, &second.recurrence_pattern), (Some(at("2027-01-12T09:00:00Z")), &None));
    assert!(lost[0].contains("FREQ=MONTHLY;BYDAY=2TU"), "{lost:?}");
    let (ten, lost) = one(&all, "Ten times");
    assert_eq!(ten.due_at, Some(at("2026-11-22T08:00:00Z")), "three of its dates are over");
    assert_eq!(ten.recurrence_pattern.as_ref().unwrap().end_after_occurrences, Some(7));
    assert!(lost.contains(&"EXDATE.".to_owned()), "{lost:?}");
    let (last, _) = one(&all, "The last day");
    let pattern = last.recurrence_pattern.as_ref().unwrap();
    assert_eq!((pattern.day_of_month, pattern.end_by_date), (Some(31), "2027-06-30".parse().ok()));
    assert_eq!(
        reasons(&all),
        [
            ("Cancelled", "It is cancelled."),
            ("Ten times, but later", "It is one changed date of a series; the series itself is taken."),
            ("Over", "It is over, or no pattern says how it comes again."),
            ("Dear diary", "It is neither a to-do nor an event."),
        ]
    );
}

#[test]
fn a_todoist_project_becomes_tasks() {
    let all = taken(Format::Todoist, include_str!("../../fixtures/todoist.csv"));
    let (rent, lost) = one(&all, "Pay the rent");
    assert_eq!((rent.due_at, rent.priority, lost), (Some(at("2026-12-01T08:00:00Z")), Priority::High, &[][..]));
    assert_eq!(
        (&rent.tags[..], rent.description.as_deref()),
        (&["home".into(), "money".into()][..], Some("To the new account, please\n\nThe account has changed"))
    );
    assert_eq!(rent.recurrence_pattern.as_ref().unwrap().day_of_month, Some(1));
    let (contract, lost) = one(&all, "Find the contract");
    assert_eq!(contract.due_at, Some(at("2027-03-01T22:59:00Z")));
    assert_eq!(lost, ["That it was below \"Pay the rent\".", "Who does it: Bob (2)."]);
    let (hello, lost) = one(&all, "Say \"hello\" to Ann, then Bob");
    assert_eq!(
        (hello.due_at, hello.priority, lost),
        (Some(at("2027-01-04T22:59:00Z")), Priority::Low, &["How long it takes: 30.".to_owned()][..])
    );
    assert_eq!(one(&all, "Water the plants").1, ["Its date: \"wann immer\" is not understood."]);
    assert_eq!(one(&all, "Überweisung 🎁").0.due_at, Some(at("2027-01-05T23:30:00Z")));
    assert_eq!(
        reasons(&all),
        [("Home", "It is a section; the tasks in it are taken."), ("view_style=list", "It says how Todoist shows the project.")]
    );
    let items = read(Format::Todoist, include_str!("../../fixtures/todoist.csv"), reader()).unwrap();
    let mut sources: Vec<Uuid> = items.iter().map(|item| item.source).collect();
    sources.sort_unstable();
    sources.dedup();
    assert_eq!(sources.len(), items.len(), "two of the same are two");
}

/// Tasks of every kind, as our own API shows them.
fn own() -> Vec<Task> {
    let pattern = |said: serde_json::Value| crate::recurrence::pattern(&said).unwrap();
    let drafted = |wanted: Wanted| {
        let mut item = Item { label: String::new(), source: Uuid::nil(), own: None, task: Ok(wanted), lost: Vec::new() };
        let task = item.draft(Uuid::now_v7(), &caller(), now()).unwrap();
        assert_eq!(item.lost, [""; 0]);
        task
    };
    let due_at = Some(at("2027-03-29T07:30:00Z"));
    let base = Wanted { title: "A task".into(), due_at, ..Wanted::default() };
    let mut all = vec![
        Wanted { title: "Nothing but a title".into(), ..Wanted::default() },
        Wanted {
            title: "Commas, semicolons; \"quotes\" \\ and ümläuts 🎁".into(),
            description: "Two\nlines, and a \\n".into(),
            ..base.clone()
        },
        Wanted {
            tags: vec!["home".into(), "Überweisung".into()],
            priority: Priority::High,
            reminder: Some(1500),
            ..base.clone()
        },
        Wanted { title: "x".repeat(200), priority: Priority::Low, due_at: Some(at("2027-03-01T22:59:00Z")), ..Wanted::default() },
    ];
    for said in [
        json!({ "pattern_type": "daily", "interval": 3 }),
        json!({ "pattern_type": "weekly", "interval": 2, "days_of_week": ["MO", "FR"], "end_type": "after_occurrences", "end_after_occurrences": 5 }),
        json!({ "pattern_type": "monthly", "day_of_month": 29 }),
        json!({ "pattern_type": "monthly", "day_of_month": 31, "end_type": "by_date", "end_by_date": "2028-01-01" }),
        json!({ "pattern_type": "yearly" }),
    ] {
        let due_at = if said["day_of_month"] == 31 { Some(at("2027-03-31T07:30:00Z")) } else { due_at };
        all.push(Wanted { pattern: Some(pattern(said)), due_at, ..base.clone() });
    }
    let done = Wanted { status: Status::Completed, completed_at: Some(at("2026-11-01T10:00:00Z")), ..base.clone() };
    all.extend([Wanted { status: Status::InProgress, ..base }, done]);
    all.into_iter().map(drafted).collect()
}

/// What of a task is its owner's, and not the server's.
fn bare(mut task: Task) -> Task {
    (task.id, task.created_at, task.updated_at, task.series_id) = (Uuid::nil(), now(), now(), None);
    task
}

fn there_and_back(format: Format, tasks: &[Task]) -> Vec<Task> {
    let (text, ..) = write(format, tasks, reader()).unwrap();
    let all = taken(format, &text);
    let back = |(label, task, lost): Taken| {
        assert_eq!(lost, [""; 0], "{label}\n{text}");
        bare(task.unwrap_or_else(|reason| panic!("{label}: {reason}\n{text}")))
    };
    all.into_iter().map(back).collect()
}

#[test]
fn our_own_calendar_comes_back_as_it_was() {
    let tasks = own();
    let expected: Vec<Task> = tasks.iter().cloned().map(bare).collect();
    assert_eq!(there_and_back(Format::Ics, &tasks), expected);
    let items = read(Format::Ics, &write(Format::Ics, &tasks, reader()).unwrap().0, reader()).unwrap();
    assert!(items.iter().zip(&tasks).all(|(item, task)| item.own == Some(task.id)), "they know whose they are");
}

#[test]
fn a_feed_has_every_task_as_a_to_do_and_every_date_as_an_event() {
    let mut tasks = own();
    // What was completed of a series: the next of it is a task of its own.
    let series = tasks.iter().find(|task| task.recurrence_pattern.is_some()).unwrap();
    tasks.push(Task { id: Uuid::now_v7(), status: Status::Completed, completed_at: Some(now()), ..series.clone() });
    let text = ics::feed(&tasks, reader());
    let expected: Vec<Task> = tasks
        .iter()
        .map(|task| {
            let pattern = task.recurrence_pattern.clone().filter(|_| task.status != Status::Completed);
            let occurrence = task.occurrence.filter(|_| pattern.is_some());
            bare(Task { reminder_offset_minutes: None, recurrence_pattern: pattern, occurrence, ..task.clone() })
        })
        .collect();
    let all = taken(Format::Ics, &text);
    let todos: Vec<Task> = all.iter().filter_map(|(_, task, _)| task.clone().ok().map(bare)).collect();
    assert_eq!(todos, expected, "{text}");
    let dated = tasks.iter().filter(|task| task.due_at.is_some()).count();
    assert!(reasons(&all).iter().all(|(_, reason)| reason.starts_with("It is the date of a task of ours")), "{all:#?}");
    assert_eq!((reasons(&all).len(), text.matches("BEGIN:VEVENT").count()), (dated, dated), "{text}");
    let recurring = expected.iter().filter(|task| task.recurrence_pattern.is_some()).count();
    let event_recurs = |event: &&str| event.split("END:VEVENT").next().is_some_and(|event| event.contains("RRULE:"));
    assert_eq!(text.split("BEGIN:VEVENT").skip(1).filter(event_recurs).count(), recurring, "{text}");
    for line in ["REFRESH-INTERVAL;VALUE=DURATION:PT15M", "X-PUBLISHED-TTL:PT15M", "TRANSP:TRANSPARENT", "SUMMARY:✓ A task"] {
        assert!(text.lines().any(|each| each == line), "{line}: {text}");
    }
    assert!(!text.contains("VALARM") && text.lines().all(|line| line.len() <= 75), "{text}");
}

#[test]
fn our_own_taskwarrior_export_comes_back_as_it_was() {
    let tasks = own();
    let expected: Vec<Task> = tasks.iter().cloned().map(bare).collect();
    assert_eq!(there_and_back(Format::Taskwarrior, &tasks), expected);
}

#[test]
fn our_own_todoist_project_comes_back_but_for_what_it_has_no_place_for() {
    let tasks: Vec<Task> = own().into_iter().filter(|task| task.status == Status::Todo).collect();
    let expected: Vec<Task> = tasks.iter().map(|task| bare(Task { reminder_offset_minutes: None, ..task.clone() })).collect();
    assert_eq!(there_and_back(Format::Todoist, &tasks), expected);
}

#[test]
fn a_series_that_has_begun_is_written_with_what_is_left_of_it() {
    let mut task = own()
        .into_iter()
        .find(|task| task.recurrence_pattern.as_ref().is_some_and(|pattern| pattern.end_type == EndType::AfterOccurrences))
        .unwrap();
    task.occurrence = Some(3);
    let (text, ..) = write(Format::Ics, &[task], reader()).unwrap();
    assert!(text.contains("COUNT=3"), "{text}");
    assert!(text.contains("BEGIN:VTIMEZONE") && text.contains("DTSTART;TZID=Europe/Berlin:20270329T093000"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 75), "{text}");
}

#[test]
fn what_no_task_can_have_is_left_out_and_named() {
    let (title, tag) = ("y".repeat(300), "t".repeat(51));
    let text = format!(
        "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:{title}\nCATEGORIES:{tag},ok\nDUE:20200101T000000Z\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nEND:VTODO\nBEGIN:VTODO\nUID:2\nEND:VTODO\nEND:VCALENDAR\n"
    );
    let all = taken(Format::Ics, &text);
    let (_, task, lost) = &all[0];
    let task = task.as_ref().unwrap();
    assert_eq!(
        (task.title.chars().count(), task.description.as_deref(), &task.tags[..]),
        (200, Some(title.as_str()), &["ok".to_owned()][..])
    );
    assert_eq!((task.reminder_offset_minutes, lost.len()), (None, 3), "{lost:?}");
    let (_, untitled, lost) = &all[1];
    assert_eq!((untitled.as_ref().unwrap().title.as_str(), lost[0].as_str()), ("(no title)", "It had no title."));
}

#[test]
fn what_is_no_such_file_is_refused_and_nothing_makes_it_fall_over() {
    for (format, text) in [
        (Format::Ics, ""),
        (Format::Ics, "hello"),
        (Format::Ics, "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x"),
        (Format::Todoist, "a,b\n1,2\n"),
        (Format::Taskwarrior, "{"),
        (Format::Taskwarrior, "[]"),
        (Format::Taskwarrior, "[1]"),
        (Format::Json, "[]"),
    ] {
        assert!(read(format, text, reader()).is_err(), "{format:?} {text}");
    }
    let many = "{\"description\":\"x\"}\n".repeat(MAX_ITEMS + 1);
    assert!(read(Format::Taskwarrior, &many, reader()).is_err());
    // Each file, cut off at every place, and with each byte in turn another.
    let files = [
        (Format::Ics, include_str!("../../fixtures/outlook.ics")),
        (Format::Todoist, include_str!("../../fixtures/todoist.csv")),
        (Format::Taskwarrior, include_str!("../../fixtures/taskwarrior-2.6.2.json")),
    ];
    for (format, text) in files {
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let _ = read(format, &text[..at], reader())
                .map(|items| items.into_iter().map(|mut item| item.draft(Uuid::nil(), &caller(), now())).count());
            if text.is_char_boundary(at + 1) {
                let changed = [&text[..at], "9", &text[at + 1..]].concat();
                let _ = read(format, &changed, reader())
                    .map(|items| items.into_iter().map(|mut item| item.draft(Uuid::nil(), &caller(), now())).count());
            }
        }
    }
}
