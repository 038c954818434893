//! Fields of bodies: each broken rule is named, alone and together, and the values just inside each rule pass.

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};
use tests::story;
use uuid::Uuid;

use super::{World, long, refuses};

/// A body and the fields that its refusal names.
type Bad = (Value, &'static [&'static str]);

/// Bodies of `POST /tasks`.
fn tasks() -> Vec<Bad> {
    let with = |name: &str, value: Value| json!({ "title": "a", "due_at": "2031-01-01T00:00:00Z", name: value });
    let mut bad: Vec<Bad> = vec![
        (json!({}), &["title"]),
        (json!({ "title": "a", "reminder_offset_minutes": 5 }), &["reminder_offset_minutes"]),
        (json!({ "title": "a", "due_at": "2020-01-01T00:00:00Z", "reminder_offset_minutes": 5 }), &["reminder_offset_minutes"]),
        (
            json!({ "title": "", "status": "gone", "priority": 1, "due_at": "soon", "tag_names": "a", "x": 1 }),
            &["title", "status", "priority", "due_at", "tag_names", "x"],
        ),
        (
            json!({ "title": "a", "Title": "b", "user_id": Uuid::nil(), "id": Uuid::nil(), "version": 7 }),
            &["Title", "id", "user_id", "version"],
        ),
        (
            json!({ "title": "a", "tenant_id": Uuid::nil(), "completed_at": null, "": 1, "__proto__": {} }),
            &["", "__proto__", "completed_at", "tenant_id"],
        ),
    ];
    let mut each = |field: &'static [&'static str], values: Vec<Value>| {
        bad.extend(values.into_iter().map(|value| (with(field[0], value), field)))
    };
    each(
        &["title"],
        vec![
            Value::Null,
            json!(""),
            json!(" \t\n "),
            json!(5),
            json!(true),
            json!(["a"]),
            json!({}),
            json!("a\0b"),
            json!("\0"),
            long(201),
        ],
    );
    each(&["description"], vec![json!(5), json!([]), json!({}), json!("a\0"), long(10_001)]);
    each(&["status"], vec![json!("done"), json!("TODO"), json!(""), json!(1), json!([]), json!({ "todo": null })]);
    each(&["priority"], vec![json!("urgent"), json!("High"), json!(3), json!(false)]);
    each(
        &["due_at"],
        vec![
            json!("tomorrow"),
            json!("2031-01-01"),
            json!("2031-01-01T10:00:00"),
            json!("2031-13-01T00:00:00Z"),
            json!("2031-02-30T00:00:00Z"),
            json!("2031-01-01T25:00:00Z"),
            json!("9999-01-01T00:00:00Z"),
            json!("10000-01-01T00:00:00Z"),
            json!("1969-12-31T23:59:59Z"),
            json!("-2031-01-01T00:00:00Z"),
            json!(1_900_000_000),
            json!(""),
            json!([]),
            json!("2031-01-01T00:00:00Z\0"),
            json!("0000-00-00T00:00:00Z"),
        ],
    );
    each(
        &["reminder_offset_minutes"],
        vec![
            json!(-1),
            json!(525_601),
            json!(1.5),
            json!("an hour"),
            json!(true),
            json!([5]),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e30),
        ],
    );
    each(
        &["tag_names"],
        vec![
            json!("a"),
            json!({}),
            json!([1]),
            json!([null]),
            json!([""]),
            json!(["  "]),
            json!(["a,b"]),
            json!(["a\0"]),
            json!([long(51)]),
            json!([["a"]]),
            (0..21).map(|number| number.to_string()).collect(),
            (0..101).map(|_| "a").collect(),
        ],
    );
    each(
        &["recurrence_pattern"],
        vec![
            json!("daily"),
            json!([]),
            json!({}),
            json!({ "pattern_type": "hourly" }),
            json!({ "pattern_type": "daily", "interval": 0 }),
            json!({ "pattern_type": "daily", "interval": 366 }),
            json!({ "pattern_type": "weekly" }),
            json!({ "pattern_type": "weekly", "days_of_week": ["MO", "MO"] }),
            json!({ "pattern_type": "monthly", "day_of_month": 32 }),
            json!({ "pattern_type": "daily", "end_type": "after_occurrences" }),
            json!({ "pattern_type": "daily", "end_type": "by_date", "end_by_date": "2030-12-31" }),
            json!({ "pattern_type": "daily", "colour": "red" }),
        ],
    );
    bad
}

/// Bodies of `PATCH /tasks/{id}`, of a task that is due in some years.
fn changes() -> Vec<Bad> {
    vec![
        (json!({}), &["body"]),
        (json!({ "title": null }), &["title"]),
        (json!({ "title": " " }), &["title"]),
        (
            json!({ "title": long(201), "description": long(10_001), "status": null, "priority": null }),
            &["title", "description", "status", "priority"],
        ),
        (json!({ "tag_names": null }), &["tag_names"]),
        (json!({ "due_at": "x" }), &["due_at"]),
        (json!({ "due_at": null, "reminder_offset_minutes": 5 }), &["reminder_offset_minutes"]),
        (json!({ "reminder_offset_minutes": 525_601 }), &["reminder_offset_minutes"]),
        (json!({ "recurrence_pattern": { "pattern_type": "weekly", "days_of_week": [] } }), &["recurrence_pattern"]),
        (json!({ "version": 2, "title": "b" }), &["version"]),
    ]
}

/// Bodies of `POST /tasks/bulk`, of that task.
fn bulk(task: &str) -> Vec<Bad> {
    let ids = |ids: Value| json!({ "ids": ids, "action": { "complete": true } });
    let action = |action: Value| json!({ "ids": [task], "action": action });
    let many: Vec<Uuid> = (0..101).map(|_| Uuid::now_v7()).collect();
    let mut bad: Vec<Bad> =
        vec![(json!({}), &["ids", "action"]), (json!({ "ids": [task], "action": { "complete": true }, "all": true }), &["all"])];
    for value in [json!(null), json!([]), json!(task), json!(["1"]), json!([null]), json!([[task]]), json!(many)] {
        bad.push((ids(value), &["ids"]));
    }
    for value in [
        json!(null),
        json!("complete"),
        json!([]),
        json!({}),
        json!({ "archive": true }),
        json!({ "complete": true, "delete": true }),
        json!({ "complete": false }),
        json!({ "delete": 1 }),
        json!({ "restore": null }),
        json!({ "add_tags": "a" }),
        json!({ "add_tags": [] }),
        json!({ "add_tags": ["a,b"] }),
        json!({ "remove_tags": [""] }),
        json!({ "priority": "urgent" }),
        json!({ "due_at": "soon" }),
        json!({ "shift": 5 }),
        json!({ "shift": {} }),
        json!({ "shift": { "days": 0, "minutes": 0 } }),
        json!({ "shift": { "days": 3651 } }),
        json!({ "shift": { "minutes": -525_601 } }),
        json!({ "shift": { "days": 1, "weeks": 1 } }),
    ] {
        bad.push((action(value), &["action"]));
    }
    bad
}

/// Bodies of `PATCH /users/me/preferences`.
fn preferences() -> Vec<Bad> {
    vec![
        (json!({ "timezone": "Mars/Base" }), &["timezone"]),
        (json!({ "timezone": null, "display_name": null }), &["timezone", "display_name"]),
        (json!({ "timezone": "+01:00", "display_name": "" }), &["timezone", "display_name"]),
        (json!({ "display_name": long(101) }), &["display_name"]),
        (json!({ "display_name": "two\nlines" }), &["display_name"]),
        (json!({ "display_name": "a\0" }), &["display_name"]),
        (json!({ "phone": "030 901820" }), &["phone"]),
        (json!({ "phone": 4_930_901_820_i64 }), &["phone"]),
        (json!({ "notification_preferences": [] }), &["notification_preferences"]),
        (json!({ "notification_preferences": null }), &["notification_preferences"]),
        (json!({ "notification_preferences": { "sms": true } }), &["notification_preferences.sms"]),
        (
            json!({ "notification_preferences": { "email": "maybe", "fax": true, "in_app": null } }),
            &["notification_preferences.in_app", "notification_preferences.email", "notification_preferences.fax"],
        ),
        (json!({ "email": "other@example.com", "version": 3 }), &["email", "version"]),
    ]
}

/// Bodies of `POST /tasks/{id}/reminders`.
fn reminders() -> Vec<Bad> {
    let mut bad: Vec<Bad> = vec![(json!({}), &["offset_minutes"]), (json!({ "offset_minutes": 5, "minutes": 5 }), &["minutes"])];
    for value in [json!(null), json!(-1), json!(525_601), json!(0.5), json!("soon"), json!([5]), json!(1e300)] {
        bad.push((json!({ "offset_minutes": value }), &["offset_minutes"]));
    }
    bad
}

/// Bodies of `POST /invitations`.
fn invitations() -> Vec<Bad> {
    let mut bad: Vec<Bad> = vec![
        (json!({ "tenant_id": Uuid::nil() }), &["tenant_id"]),
        (json!({ "email": "ada", "code": "a", "expires_at": "2031-01-01T00:00:00Z" }), &["email", "code", "expires_at"]),
    ];
    let emails =
        [json!(1), json!(""), json!([]), json!("a b@example.com"), json!("a\0@example.com"), json!("a\r\nBcc: b@example.com")];
    bad.extend(emails.into_iter().map(|email| (json!({ "email": email }), ["email"].as_slice())));
    bad
}

/// Bodies of `POST /notifications/read`.
fn read_until() -> Vec<Bad> {
    let mut bad: Vec<Bad> = vec![(json!({}), &["until"]), (json!({ "until": "2026-03-01T14:00:00Z", "ids": [] }), &["ids"])];
    for value in [json!(null), json!(""), json!("soon"), json!(7), json!("2026-03-01"), json!("2026-03-01T14:00:00"), json!([])] {
        bad.push((json!({ "until": value }), &["until"]));
    }
    bad
}

#[tokio::test]
async fn contract_every_broken_field_is_named_and_nothing_is_stored() -> Result<()> {
    let world = World::new().await?;
    let task = format!("/tasks/{}", world.task);
    let tags = [json!(null), json!(""), json!(" "), json!(7), json!(["a"]), json!("a,b"), json!("a\0b"), long(51)];
    let mut tags: Vec<Bad> = tags.into_iter().map(|value| (json!({ "name": value }), ["name"].as_slice())).collect();
    tags.push((json!({ "name": "a", "colour": "red", "usage_count": 3 }), &["colour", "usage_count"]));
    let mut table = vec![
        ("tasks", Method::POST, "/tasks".to_owned(), tasks()),
        ("tasks", Method::PATCH, task.clone(), changes()),
        ("tasks", Method::POST, "/tasks/bulk".to_owned(), bulk(&world.task)),
        ("tasks", Method::POST, "/tags".to_owned(), tags),
        ("identity", Method::PATCH, "/users/me/preferences".to_owned(), preferences()),
        ("identity", Method::POST, "/invitations".to_owned(), invitations()),
        ("reminders", Method::POST, format!("{task}/reminders"), reminders()),
        ("notifications", Method::POST, "/notifications/read".to_owned(), read_until()),
    ];
    table.retain(|(app, ..)| world.suite.runs(app));
    for (_, method, path, bad) in &table {
        for (body, fields) in bad {
            let answer = world.person.send(method.clone(), path, &[], Some(body.to_string().into_bytes())).await?;
            refuses(&answer, 422, "invalid_fields", fields).with_context(|| format!("{method} {path} {body:.300}"))?;
        }
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_a_sign_up_that_breaks_a_rule_makes_nobody() -> Result<()> {
    let world = World::new().await?;
    let domain = format!("{}.example.com", Uuid::new_v4().simple());
    let good = json!({ "email": format!("ada@{domain}"), "display_name": "Ada", "password": "correct horse battery", "timezone": "Europe/Berlin" });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let mut bad: Vec<Bad> = vec![
        (json!({}), &["email", "display_name", "password"]),
        (
            json!({ "email": 1, "display_name": 1, "password": 1, "timezone": 1, "invitation": 1, "scope": "ops" }),
            &["email", "display_name", "password", "timezone", "invitation", "scope"],
        ),
        (with("tenant_id", json!(Uuid::nil())), &["tenant_id"]),
        (with("timezone", json!("europe/berlin")), &["timezone"]),
        (with("invitation", json!("")), &["invitation"]),
        (with("invitation", json!("a\0")), &["invitation"]),
        (with("invitation", long(201)), &["invitation"]),
        (with("invitation", json!("of nobody")), &["invitation"]),
        (with("display_name", long(101)), &["display_name"]),
        (with("display_name", json!("a\r\nBcc: b@example.com")), &["display_name"]),
    ];
    let emails = [
        "ada".to_owned(),
        format!("@{domain}"),
        format!("a b@{domain}"),
        format!("a\r\nBcc: b@{domain}"),
        format!("a\0@{domain}"),
        format!("{}@{domain}", "a".repeat(65)),
    ];
    bad.extend(emails.into_iter().map(|email| (with("email", json!(email)), ["email"].as_slice())));
    let passwords =
        [json!(null), json!("123456789"), json!("x".repeat(201)), json!(1_234_567_890), json!(["correct horse battery"])];
    bad.extend(passwords.into_iter().map(|password| (with("password", password), ["password"].as_slice())));
    for (body, fields) in bad {
        let answer = world.person.post("/auth/signup", &body).await?;
        refuses(&answer, 422, "invalid_fields", fields).with_context(|| body.to_string())?;
        anyhow::ensure!(!answer.body.contains("correct horse"), "repeats a password: {}", answer.body);
    }
    let made = world.database.count("select count(*) from identity.users where email like $1", &[&format!("%@{domain}")]).await?;
    anyhow::ensure!(made == 0, "{made} people were made");
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_values_just_inside_each_rule_pass() -> Result<()> {
    story(async |_, person| {
        for body in [
            json!({ "title": "a" }),
            json!({ "title": long(200), "description": long(10_000) }),
            json!({ "title": format!("  {}  ", "b".repeat(200)), "description": null, "tag_names": [], "due_at": null, "reminder_offset_minutes": null }),
            json!({ "title": "a", "due_at": "2031-01-01T00:00:00Z", "reminder_offset_minutes": 0 }),
            json!({ "title": "a", "due_at": "2031-01-01T00:00:00-23:59", "reminder_offset_minutes": 525_600 }),
            json!({ "title": "a", "due_at": "1970-01-01T00:00:00Z" }),
            json!({ "title": "a", "due_at": "9998-12-31T23:59:59.999999Z" }),
            json!({ "title": "a", "tag_names": (0..20).map(|number| number.to_string()).collect::<Vec<_>>() }),
            json!({ "title": "a", "tag_names": [long(50), "🦀", "a'b\"c\\d%_", "<b>"] }),
            json!({ "title": "'; drop table tasks; -- \u{202e} \u{1f980} \\u0000 %s ${x} {{x}}" }),
            json!({ "title": "a", "recurrence_pattern": { "pattern_type": "monthly", "day_of_month": 31, "interval": 365 } }),
        ] {
            let made = person.post("/tasks", &body).await?;
            let made = made.is(201).with_context(|| format!("{body:.200}"))?.json();
            let title = body["title"].as_str().unwrap_or_default().trim();
            anyhow::ensure!(made["title"] == title, "{made}");
            let read = person.get(&format!("/tasks/{}", made["id"].as_str().unwrap_or_default())).await?.is(200)?.json();
            anyhow::ensure!(read == made, "read back: {read}\ncreated: {made}");
        }
        Ok(())
    })
    .await
}
