//! iCalendar (RFC 5545): to-dos, and events as tasks that are due when they begin.

use calcard::common::timezone::Tz as Zone;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendar, ICalendarAction, ICalendarComponent, ICalendarComponentType as Kind, ICalendarDuration, ICalendarEntry,
    ICalendarParameter, ICalendarParameterName, ICalendarParameterValue, ICalendarProperty as Property, ICalendarRelated,
    ICalendarStatus, ICalendarTransparency, ICalendarValue as Value, ICalendarValueType,
};
use calcard::{Entry, Parser};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contracts::task::{Priority, RecurrencePattern, Status, Task};

use super::{Format, Item, Reader, Wanted, rule};

/// What our own tasks are called in a calendar: their id before this.
const HOST: &str = "@outrigger";
/// What the same tasks are called as events of a feed.
const EVENT_HOST: &str = "@due.outrigger";
/// What a calendar program shows as the name of a feed.
const FEED_NAME: &str = "Outrigger tasks";
/// How often a calendar program may ask for a feed.
const REFRESH: ICalendarDuration = ICalendarDuration { neg: false, weeks: 0, days: 0, hours: 0, minutes: 15, seconds: 0 };
/// Dates that are counted of a series with a number of them.
const MAX_COUNT: u32 = 10_000;

/// What a task says of a thing in a calendar, and what it need not say: how it was made, and what other programs noted for themselves.
const SAID: [Property; 21] = [
    Property::Uid,
    Property::Summary,
    Property::Description,
    Property::Status,
    Property::PercentComplete,
    Property::Priority,
    Property::Due,
    Property::Dtstart,
    Property::Completed,
    Property::Categories,
    Property::Rrule,
    Property::Created,
    Property::LastModified,
    Property::Dtstamp,
    Property::Sequence,
    Property::Class,
    Property::Transp,
    Property::Dtend,
    Property::Duration,
    Property::Begin,
    Property::End,
];

/// Reads every calendar of a file.
///
/// # Errors
/// When there is none.
pub fn read(text: &str, reader: Reader) -> Result<Vec<Item>, String> {
    let mut parser = Parser::new(text);
    let (mut items, mut calendars) = (Vec::new(), 0);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                calendars += 1;
                let resolver = calendar.build_tz_resolver();
                let things = calendar.components.iter().enumerate();
                items.extend(
                    things.filter_map(|(at, component)| {
                        Thing { calendar: &calendar, at, component, zones: &resolver, reader }.item()
                    }),
                );
            }
            Entry::Eof => break,
            Entry::UnterminatedComponent(name) => return Err(format!("must be whole: {name} does not end")),
            Entry::UnexpectedComponentEnd { expected, found } => {
                return Err(format!("must be whole: {} ends where {} should", found.as_str(), expected.as_str()));
            }
            Entry::TooManyComponents => return Err("must hold fewer components".to_owned()),
            _ => {}
        }
    }
    // What the parser forgives: a download that broke off.
    let lines = |end: &str| text.lines().filter(|line| line.trim().eq_ignore_ascii_case(end)).count();
    match (calendars, lines("BEGIN:VCALENDAR") == lines("END:VCALENDAR")) {
        (0, _) => Err("must be an iCalendar file: no BEGIN:VCALENDAR was found".to_owned()),
        (_, false) => Err("must be whole: a calendar does not end".to_owned()),
        (_, true) => Ok(items),
    }
}

/// One component of a calendar.
struct Thing<'a> {
    calendar: &'a ICalendar,
    at: usize,
    component: &'a ICalendarComponent,
    zones: &'a TzResolver<&'a str>,
    reader: Reader,
}

/// A time that is written.
struct Moment {
    at: DateTime<Utc>,
    wall: NaiveDateTime,
    zone: Tz,
}

impl Thing<'_> {
    fn item(&self) -> Option<Item> {
        if self.component.uid().is_some_and(|uid| uid.ends_with(EVENT_HOST)) {
            return Some(self.skipped("It is the date of a task of ours, which stands beside it.".to_owned()));
        }
        let is_event = match &self.component.component_type {
            Kind::VTodo => false,
            Kind::VEvent => true,
            // The calendar itself, and what belongs to another component.
            Kind::VCalendar | Kind::VTimezone | Kind::Standard | Kind::Daylight | Kind::VAlarm => return None,
            _ => return Some(self.skipped("It is neither a to-do nor an event.".to_owned())),
        };
        let mut lost = Vec::new();
        let task = if is_event { self.event(&mut lost) } else { self.todo(&mut lost) };
        Some(Item { task, lost, ..self.skipped(String::new()) })
    }

    fn skipped(&self, reason: String) -> Item {
        let summary = self.text(&Property::Summary).unwrap_or_default().to_owned();
        // A calendar that gives its things no name knows them by what they say.
        let unnamed = || format!("{summary}\n{:?}\n{:?}", self.values(&Property::Dtstart), self.values(&Property::Due));
        let uid = self.component.uid().map(str::to_owned).unwrap_or_else(unnamed);
        let own = uid.strip_suffix(HOST).and_then(|id| id.parse().ok());
        let label = if summary.is_empty() { uid.clone() } else { summary };
        Item { label, source: super::source(Format::Ics, &uid), own, task: Err(reason), lost: Vec::new() }
    }

    fn todo(&self, lost: &mut Vec<String>) -> Result<Wanted, String> {
        if self.component.is_recurrence_override() {
            return Err("It is one changed date of a series; the series itself is taken.".to_owned());
        }
        let status = match self.component.status() {
            Some(ICalendarStatus::Cancelled) => return Err("It is cancelled.".to_owned()),
            Some(ICalendarStatus::Completed) => Status::Completed,
            Some(ICalendarStatus::InProcess) => Status::InProgress,
            _ if self.component.has_property(&Property::Completed) => Status::Completed,
            _ => Status::Todo,
        };
        let start = self.moment(&Property::Dtstart, lost);
        let due = self.moment(&Property::Due, lost).or(start);
        let mut wanted = Wanted { status, due_at: due.as_ref().map(|due| due.at), ..self.wanted(lost) };
        wanted.completed_at = self.moment(&Property::Completed, lost).map(|moment| moment.at);
        if let Some(due) = &due {
            wanted.pattern = self.pattern(due.wall, due.zone, lost);
        } else if self.component.has_property(&Property::Rrule) {
            lost.push("Its repetition: it has no date to begin at.".to_owned());
        }
        Ok(wanted)
    }

    fn event(&self, lost: &mut Vec<String>) -> Result<Wanted, String> {
        if self.component.is_recurrence_override() {
            return Err("It is one changed date of a series; the series itself is taken.".to_owned());
        }
        if self.component.status() == Some(&ICalendarStatus::Cancelled) {
            return Err("It is cancelled.".to_owned());
        }
        let start = self.moment(&Property::Dtstart, lost).ok_or("It has no beginning.")?;
        let mut wanted = Wanted { due_at: Some(start.at), ..self.wanted(lost) };
        let pattern = self.pattern(start.wall, start.zone, lost);
        if self.component.has_property(&Property::Dtend) || self.component.has_property(&Property::Duration) {
            lost.push("How long it takes.".to_owned());
        }
        if start.at > self.reader.now {
            wanted.pattern = pattern;
            return Ok(wanted);
        }
        // What has begun goes on with the next date.
        let pattern = pattern.ok_or("It is over, or no pattern says how it comes again.")?;
        let (due_at, pattern) = self.rest(&start, pattern).ok_or("It is over.")?;
        (wanted.due_at, wanted.pattern) = (Some(due_at), Some(pattern));
        Ok(wanted)
    }

    /// The next date of a series that has begun, and the pattern of what is left of it.
    fn rest(&self, start: &Moment, mut pattern: RecurrencePattern) -> Option<(DateTime<Utc>, RecurrencePattern)> {
        let whole =
            RecurrencePattern { anchor_local: Some(start.wall), timezone: Some(start.zone.name().to_owned()), ..pattern.clone() };
        let calendar = calendar::Calendar::of(&whole).ok()?;
        let Some(count) = pattern.end_after_occurrences else {
            return Some((*calendar.after(self.reader.now, 1).ok()?.first()?, pattern));
        };
        let before = start.at - TimeDelta::seconds(1);
        let dates = calendar.after(before, usize::try_from(count.min(MAX_COUNT)).ok()?).ok()?;
        let done = dates.iter().position(|date| *date > self.reader.now)?;
        pattern.end_after_occurrences = Some(count - u32::try_from(done).ok()?);
        Some((dates[done], pattern))
    }

    /// What to-dos and events have in common.
    fn wanted(&self, lost: &mut Vec<String>) -> Wanted {
        let unsaid = |entry: &&ICalendarEntry| !SAID.contains(&entry.name) && !matches!(entry.name, Property::Other(_));
        let mut names: Vec<&str> = self.component.entries.iter().filter(unsaid).map(|entry| entry.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            lost.push(format!("{}.", names.join(", ")));
        }
        let categories = self.component.properties(&Property::Categories).flat_map(|entry| &entry.values);
        Wanted {
            title: self.text(&Property::Summary).unwrap_or_default().to_owned(),
            description: self.text(&Property::Description).unwrap_or_default().to_owned(),
            priority: match self.values(&Property::Priority).first().and_then(Value::as_integer) {
                Some(1..=4) => Priority::High,
                Some(6..=9) => Priority::Low,
                _ => Priority::Medium,
            },
            tags: categories.filter_map(Value::as_text).map(str::to_owned).collect(),
            reminder: self.reminder(lost),
            ..Wanted::default()
        }
    }

    fn pattern(&self, start: NaiveDateTime, zone: Tz, lost: &mut Vec<String>) -> Option<RecurrencePattern> {
        let rules: Vec<&Value> = self.component.properties(&Property::Rrule).flat_map(|entry| &entry.values).collect();
        match rules.as_slice() {
            [] => None,
            [Value::RecurrenceRule(written)] => {
                let pattern = rule::pattern(written, start, zone);
                if pattern.is_none() {
                    lost.push(format!("Its repetition: no pattern says {written}."));
                }
                pattern
            }
            _ => {
                lost.push("Its repetition cannot be read.".to_owned());
                None
            }
        }
    }

    /// Minutes before it, from its first alarm.
    fn reminder(&self, lost: &mut Vec<String>) -> Option<i64> {
        let id = u32::try_from(self.at).ok()?;
        let mut minutes = Vec::new();
        for alarm in self.calendar.alarms_for_id(id) {
            match alarm.property(&Property::Trigger).and_then(|entry| entry.values.first()) {
                Some(Value::Duration(before)) if before.neg || *before == ICalendarDuration::default() => {
                    minutes.push(in_minutes(before))
                }
                _ => lost.push("An alarm that is not set some time before.".to_owned()),
            }
        }
        if minutes.len() > 1 {
            lost.push(format!("{} of its alarms: a task has one reminder.", minutes.len() - 1));
        }
        minutes.first().copied()
    }

    fn moment(&self, name: &Property, lost: &mut Vec<String>) -> Option<Moment> {
        let entry = self.component.property(name)?;
        let Some(value) = entry.values.first().and_then(Value::as_partial_date_time) else {
            lost.push(format!("{}: it cannot be read.", name.as_str()));
            return None;
        };
        if let Some(at) = rule::instant(value) {
            let zone = self.reader.zone;
            return Some(Moment { at, wall: at.with_timezone(&zone).naive_local(), zone });
        }
        let zone = match entry.tz_id().map(|name| (name, self.zones.resolve(name))) {
            Some((_, Some(Zone::Tz(zone)))) => zone,
            Some((name, _)) => {
                lost.push(format!("The time zone {name:?} is not known; yours was taken."));
                self.reader.zone
            }
            None => self.reader.zone,
        };
        let wall = rule::wall(value)?;
        Some(Moment { at: calendar::instant(wall, zone), wall, zone })
    }

    fn values(&self, name: &Property) -> &[Value] {
        self.component.property(name).map(|entry| entry.values.as_slice()).unwrap_or_default()
    }

    fn text(&self, name: &Property) -> Option<&str> {
        self.values(name).first().and_then(Value::as_text)
    }
}

fn in_minutes(duration: &ICalendarDuration) -> i64 {
    let days = i64::from(duration.weeks) * 7 + i64::from(duration.days);
    (days * 24 + i64::from(duration.hours)) * 60 + i64::from(duration.minutes)
}

/// One calendar of to-dos.
pub fn write(tasks: &[Task], reader: Reader) -> String {
    let mut calendar = Sheet::new(Vec::new());
    for task in tasks {
        let alarm = task.reminder_offset_minutes.map(|minutes| alarm(&task.title, minutes));
        calendar.add(todo(task, reader), alarm);
    }
    calendar.text()
}

/// What a calendar program reads again and again: each task as a to-do, and as an event where it has a due time. No alarms: whoever is to be told is
/// told by us.
pub fn feed(tasks: &[Task], reader: Reader) -> String {
    let duration = ICalendarParameterValue::Value(ICalendarValueType::Duration);
    let mut calendar = Sheet::new(vec![
        entry(Property::Name, [], Value::Text(FEED_NAME.to_owned())),
        entry(Property::Other("X-WR-CALNAME".to_owned()), [], Value::Text(FEED_NAME.to_owned())),
        entry(
            Property::RefreshInterval,
            [ICalendarParameter { name: ICalendarParameterName::Value, value: duration }],
            Value::Duration(REFRESH),
        ),
        entry(Property::Other("X-PUBLISHED-TTL".to_owned()), [], Value::Duration(REFRESH)),
    ]);
    for task in tasks {
        // What is done does not come again: the next of its series is a task of its own.
        let pattern = task.recurrence_pattern.clone().filter(|_| task.status != Status::Completed);
        let task = Task { recurrence_pattern: pattern, ..task.clone() };
        calendar.add(todo(&task, reader), None);
        if let Some(due_at) = task.due_at {
            calendar.add(event(&task, due_at, reader), None);
        }
    }
    calendar.text()
}

/// A calendar that is being written.
struct Sheet(ICalendar);

impl Sheet {
    fn new(head: Vec<ICalendarEntry>) -> Self {
        let mut root = ICalendarComponent::new(Kind::VCalendar);
        root.add_property(Property::Version, Value::Text("2.0".to_owned()));
        root.add_property(Property::Prodid, Value::Text("-//Outrigger//Tasks//EN".to_owned()));
        root.entries.extend(head);
        Self(ICalendar { components: vec![root] })
    }

    fn add(&mut self, mut thing: ICalendarComponent, alarm: Option<ICalendarComponent>) {
        let components = &mut self.0.components;
        let id = components.len();
        thing.component_ids.extend(alarm.as_ref().and_then(|_| u32::try_from(id + 1).ok()));
        components[0].component_ids.extend(u32::try_from(id).ok());
        components.push(thing);
        components.extend(alarm);
    }

    fn text(mut self) -> String {
        self.0.add_missing_timezones();
        self.0.to_string()
    }
}

fn entry(name: Property, params: impl Into<Vec<ICalendarParameter>>, value: Value) -> ICalendarEntry {
    ICalendarEntry { name, params: params.into(), values: vec![value] }
}

/// What to-dos and events say alike.
fn thing(kind: Kind, host: &str, task: &Task) -> ICalendarComponent {
    let mut thing = ICalendarComponent::new(kind);
    thing.add_uid(&format!("{}{host}", task.id));
    thing.add_dtstamp(rule::utc(task.updated_at));
    thing.add_property(Property::Created, at(task.created_at));
    thing.add_property(Property::LastModified, at(task.updated_at));
    if let Some(description) = &task.description {
        thing.add_property(Property::Description, Value::Text(description.clone()));
    }
    if !task.tags.is_empty() {
        let values = task.tags.iter().map(|tag| Value::Text(tag.clone())).collect();
        thing.entries.push(ICalendarEntry { name: Property::Categories, params: Vec::new(), values });
    }
    thing
}

fn at(at: DateTime<Utc>) -> Value {
    Value::PartialDateTime(Box::new(rule::utc(at)))
}

fn todo(task: &Task, reader: Reader) -> ICalendarComponent {
    let mut todo = thing(Kind::VTodo, HOST, task);
    todo.add_property(Property::Summary, Value::Text(task.title.clone()));
    let (status, priority) = (
        match task.status {
            Status::Todo => ICalendarStatus::NeedsAction,
            Status::InProgress => ICalendarStatus::InProcess,
            Status::Completed => ICalendarStatus::Completed,
        },
        match task.priority {
            Priority::High => 1,
            Priority::Medium => 5,
            Priority::Low => 9,
        },
    );
    todo.add_property(Property::Status, Value::Status(status));
    todo.add_property(Property::Priority, Value::Integer(priority));
    if let Some(completed_at) = task.completed_at {
        todo.add_property(Property::Completed, at(completed_at));
    }
    match (task.due_at, &task.recurrence_pattern) {
        (None, _) => {}
        (Some(due_at), None) => todo.add_property(Property::Due, at(due_at)),
        // Where its dates begin, which is the same.
        (Some(due_at), Some(pattern)) => recurring(&mut todo, [Property::Dtstart, Property::Due], task, pattern, due_at, reader),
    }
    todo
}

/// The moment at which a task is due. It takes no time, and nobody is busy then; one that is done has its tick, for an event has no status that says so.
fn event(task: &Task, due_at: DateTime<Utc>, reader: Reader) -> ICalendarComponent {
    let mut event = thing(Kind::VEvent, EVENT_HOST, task);
    let tick = if task.status == Status::Completed { "✓ " } else { "" };
    event.add_property(Property::Summary, Value::Text(format!("{tick}{}", task.title)));
    event.add_property(Property::Transp, Value::Transparency(ICalendarTransparency::Transparent));
    match &task.recurrence_pattern {
        None => event.add_property(Property::Dtstart, at(due_at)),
        Some(pattern) => recurring(&mut event, [Property::Dtstart], task, pattern, due_at, reader),
    }
    event
}

/// When it is due and how it comes again, by the wall clock that its rule counts on.
fn recurring<const N: usize>(
    thing: &mut ICalendarComponent,
    dates: [Property; N],
    task: &Task,
    pattern: &RecurrencePattern,
    due_at: DateTime<Utc>,
    reader: Reader,
) {
    let zone = pattern.timezone.as_ref().and_then(|name| name.parse().ok()).unwrap_or(reader.zone);
    let wall = due_at.with_timezone(&zone).naive_local();
    for name in dates {
        let value = Value::PartialDateTime(Box::new(rule::local(wall)));
        let zone = ICalendarParameterValue::Text(zone.name().to_owned());
        thing.add_property_with_params(name, [ICalendarParameter { name: ICalendarParameterName::Tzid, value: zone }], value);
    }
    thing.add_property(Property::Rrule, Value::RecurrenceRule(Box::new(rule::rule(task, pattern, wall, zone))));
}

fn alarm(title: &str, minutes: i32) -> ICalendarComponent {
    let mut alarm = ICalendarComponent::new(Kind::VAlarm);
    alarm.add_property(Property::Action, Value::Action(ICalendarAction::Display));
    alarm.add_property(Property::Description, Value::Text(title.to_owned()));
    let related = ICalendarParameterValue::Related(ICalendarRelated::End);
    let params = [ICalendarParameter { name: ICalendarParameterName::Related, value: related }];
    let before = ICalendarDuration::from_seconds(-60 * i64::from(minutes));
    alarm.add_property_with_params(Property::Trigger, params, Value::Duration(before));
    alarm
}
