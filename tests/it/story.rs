//! The story the suite is for: sign up, write a task, be told of it in the page and by mail, once, do it, and it comes again: in one trace.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use mail_parser::MessageParser;
use serde_json::{Value, json};
use tests::database::Database;
use tests::socket::Socket;
use tests::zipkin::Trace;
use tests::{Person, Suite, eventually};
use uuid::Uuid;

/// Soon after a write, its effects are there.
const SOON: Duration = Duration::from_secs(60);
/// The reminder's time is at most this far away, and a tick of the cron binding comes every 10 s.
const REMINDED: Duration = Duration::from_secs(90);
/// The goal of the story: how late a reminder may be.
const LATE: TimeDelta = TimeDelta::seconds(15);

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Signs up for real and takes a token with the client credentials that were given.
async fn sign_up(suite: &Suite, zone: &str) -> Result<(Person, String)> {
    let somebody = suite.person()?;
    let email = format!("ada.{}@example.com", Uuid::new_v4().simple());
    let body = json!({ "email": email, "display_name": "Ada", "password": "correct horse battery", "timezone": zone });
    let account: Value = somebody.post("/auth/signup", &body).await?.expect(201)?;
    let credentials = json!({
        "grant_type": "client_credentials", "client_id": account["client_id"], "client_secret": account["client_secret"],
    });
    let token: Value = somebody.post("/auth/token", &credentials).await?.expect(200)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let person = Person {
        user_id: text(&account["user_id"]).parse()?,
        tenant_id: text(&account["tenant_id"]).parse()?,
        token: text(&token["access_token"]),
        suite: suite.clone(),
    };
    Ok((person, email))
}

#[tokio::test]
async fn flow_a_person_is_told_once_in_the_page_and_by_mail_and_it_is_one_trace() -> Result<()> {
    let suite = Suite::shared().await?;
    let (person, email) = sign_up(&suite, "Europe/Berlin").await?;
    let mut socket = Socket::open(&person).await?;

    let trace_id = Uuid::new_v4().simple().to_string();
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let correlation_id = format!("story-{trace_id}");
    let title = "Submit <b>report</b> Ω";
    let due_at = now() + TimeDelta::seconds(66);
    let daily = json!({ "pattern_type": "daily" });
    let body = json!({ "title": title, "due_at": due_at, "reminder_offset_minutes": 1, "recurrence_pattern": daily });
    let headers = [("traceparent", traceparent.as_str()), ("x-correlation-id", correlation_id.as_str())];
    let answer = person.send(Method::POST, "/tasks", &headers, Some(body.to_string().into_bytes())).await?;
    ensure!(answer.header("x-correlation-id") == correlation_id, "the correlation id is kept");
    let task: contracts::task::Task = answer.expect(201)?;

    // The page hears of the task, and the reminder is there.
    socket.next(SOON, |frame| frame["change"] == "created" && frame["task_id"] == json!(task.id)).await?;
    let reminders_path = format!("/tasks/{}/reminders", task.id);
    let reminder = eventually("the reminder is listed", SOON, async || {
        let list = person.get(&reminders_path).await?.is(200)?.json();
        Ok(items(&list).first().filter(|reminder| reminder["delivery_status"] == "scheduled").cloned())
    })
    .await?;
    let remind_at: DateTime<Utc> = serde_json::from_value(reminder["remind_at"].clone())?;
    ensure!((due_at - TimeDelta::minutes(1) - remind_at).abs() < TimeDelta::milliseconds(1), "{reminder}");

    // Its time comes: the page is told, not early and not late.
    let frame = socket.next(REMINDED, |frame| frame["change"] == "notification").await?;
    let told_at = now();
    ensure!(told_at >= remind_at && told_at <= remind_at + LATE, "told at {told_at}, to be told at {remind_at}");
    ensure!(frame["notification"]["title"] == title && frame["notification"]["task_id"] == json!(task.id), "{frame}");

    let mail = eventually("the mail is there", SOON, async || {
        let mails = suite.stack().mails();
        Ok(mails.into_iter().find(|mail| mail.to.iter().any(|recipient| recipient.contains(&email))))
    })
    .await?;
    check_mail(mail.content.as_bytes(), title, due_at, &task.id.to_string())?;

    let mut actions = vec!["task.created", "reminder.scheduled", "reminder.due", "reminder.delivered"];
    logged_once(&person, &correlation_id, &actions).await?;
    eventually("the reminder is delivered", SOON, async || {
        let list = person.get(&reminders_path).await?.is(200)?.json();
        Ok(items(&list).first().filter(|reminder| reminder["delivery_status"] == "delivered").cloned())
    })
    .await?;

    told_once(&suite, &person, &email).await?;
    one_trace(&suite, &trace_id, &TOLD).await?;

    // Done, and it comes again: still the same story.
    let done = format!("/tasks/{}/complete", task.id);
    person.send(Method::POST, &done, &headers, Some(b"{}".to_vec())).await?.is(200)?;
    socket.next(SOON, |frame| frame["change"] == "completed").await?;
    let next = socket.next(SOON, |frame| frame["change"] == "created").await?;
    ensure!(next["task"]["occurrence"] == 2, "{next}");
    actions.extend(["task.completed", "task.created", "task.recurred", "reminder.scheduled"]);
    logged_once(&person, &correlation_id, &actions).await?;
    one_trace(&suite, &trace_id, &AGAIN).await?;
    suite.settled(&[person.tenant_id]).await
}

/// Who did what: one row for each event of the story, under one correlation id.
async fn logged_once(person: &Person, correlation_id: &str, actions: &[&str]) -> Result<()> {
    let mut wanted = actions.to_vec();
    wanted.sort_unstable();
    eventually("the audit log tells the story", SOON, async || {
        let page = person.get(&format!("/audit-logs?correlation_id={correlation_id}&limit=100")).await?.is(200)?.json();
        let mut found: Vec<String> = items(&page).iter().filter_map(|row| Some(row["action"].as_str()?.to_owned())).collect();
        found.sort_unstable();
        ensure!(found.len() <= wanted.len(), "once each: {found:?}");
        Ok((found == wanted).then_some(()))
    })
    .await
}

/// Three instances of reminders, each with its own cron, told the person once on each channel.
async fn told_once(suite: &Suite, person: &Person, email: &str) -> Result<()> {
    let database = Database::of(suite).await?;
    let due = "select count(*) from reminders.outbox_events
               where event_type = 'reminder.due' and payload -> 'metadata' ->> 'user_id' = $1";
    ensure!(database.count(due, &[&person.user_id.to_string()]).await? == 1, "one reminder.due");
    let page = person.get("/notifications").await?.is(200)?.json();
    ensure!(page["total"] == 1 && page["unread_count"] == 1, "{page}");
    let mails = suite.stack().mails();
    let mine = mails.iter().filter(|mail| mail.to.iter().any(|recipient| recipient.contains(email))).count();
    ensure!(mine == 1, "{mine} mails");
    let id = page["items"][0]["id"].as_str().unwrap_or_default();
    person.post(&format!("/notifications/{id}/read"), &json!({})).await?.is(204)?;
    ensure!(person.get("/notifications?unread=true").await?.is(200)?.json()["total"] == 0, "read");
    Ok(())
}

/// The mail as a mail program reads it: to the person, with the title as typed, the time in their zone, and the way to the task.
fn check_mail(raw: &[u8], title: &str, due_at: DateTime<Utc>, task_id: &str) -> Result<()> {
    let mail = MessageParser::default().parse(raw).context("the mail can be parsed")?;
    let text = mail.body_text(0).or_else(|| mail.body_html(0)).context("the mail has a body")?.into_owned();
    let subject = mail.subject().unwrap_or_default();
    let local = due_at.with_timezone(&chrono_tz::Europe::Berlin).format("%H:%M").to_string();
    ensure!(subject.contains("Submit") && subject.contains('Ω'), "subject: {subject}");
    ensure!(text.contains(title) || text.contains("Submit &lt;b&gt;report&lt;/b&gt; Ω"), "{text}");
    ensure!(text.contains(&local) && text.contains("Europe/Berlin"), "{local}: {text}");
    ensure!(text.contains(&format!("/app/tasks/{task_id}")), "{text}");
    ensure!(text.contains("ref: "), "{text}");
    Ok(())
}

/// An app, a step of it, and the app and step that caused it.
type Step = (&'static str, &'static str, &'static str, &'static str);

/// From click to socket.
const TOLD: [Step; 11] = [
    ("gateway", "POST /tasks", "gateway", "POST /tasks"),
    ("tasks", "POST /tasks", "gateway", "POST /tasks"),
    ("tasks", "sql tasks.create", "tasks", "POST /tasks"),
    ("tasks", "outbox task.created", "tasks", "POST /tasks"),
    ("reminders", "task-events task.created", "tasks", "outbox task.created"),
    ("audit", "task-events task.created", "tasks", "outbox task.created"),
    ("realtime", "task-updates task.update", "tasks", "outbox task.update"),
    ("reminders", "outbox reminder.due", "gateway", "POST /tasks"),
    ("notifications", "reminders reminder.due", "reminders", "outbox reminder.due"),
    ("notifications", "outbox task.update", "notifications", "reminders reminder.due"),
    ("realtime", "push", "gateway", "POST /tasks"),
];

/// From the click that completes it to the next one in the page.
const AGAIN: [Step; 11] = [
    ("tasks", "POST /tasks/{id}/complete", "gateway", "POST /tasks/{id}/complete"),
    ("tasks", "outbox task.completed", "tasks", "POST /tasks/{id}/complete"),
    ("audit", "task-events task.completed", "tasks", "outbox task.completed"),
    ("reminders", "task-events task.completed", "tasks", "outbox task.completed"),
    ("recurrence", "task-events task.completed", "tasks", "outbox task.completed"),
    ("tasks", SUCCESSOR, "recurrence", "task-events task.completed"),
    ("tasks", "outbox task.recurred", "tasks", SUCCESSOR),
    ("audit", "task-events task.recurred", "tasks", "outbox task.recurred"),
    ("reminders", "task-events task.created", "tasks", SUCCESSOR),
    ("realtime", "task-updates task.update", "tasks", SUCCESSOR),
    ("realtime", "push", "tasks", SUCCESSOR),
];
const SUCCESSOR: &str = "POST /internal/tasks/{id}/successor";

/// Each step is there and lies below the step that caused it.
async fn one_trace(suite: &Suite, trace_id: &str, story: &[Step]) -> Result<()> {
    eventually("the trace is whole", SOON, async || {
        let trace = Trace::read(suite, trace_id).await?;
        for (service, name, above_service, above_name) in story {
            let (spans, causes) = (trace.all(service, name), trace.all(above_service, above_name));
            let right = spans.iter().any(|span| causes.iter().any(|above| span.id == above.id || trace.is_below(span, above)));
            ensure!(right, "no {service} {name} is below {above_service} {above_name} in\n{}", trace.outline());
        }
        Ok(Some(()))
    })
    .await
}

fn items(page: &Value) -> Vec<Value> {
    page.as_array().or_else(|| page["items"].as_array()).cloned().unwrap_or_default()
}
