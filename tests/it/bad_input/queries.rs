//! Query strings, ids in paths, and headers.

use anyhow::{Context, Result, ensure};
use http::Method;
use tests::raw::{exchange, request};
use uuid::Uuid;

use super::{World, refuses};

/// A query string and the parameters that its refusal names.
type Bad = (&'static str, &'static [&'static str]);

/// Pages of lists are all the same.
const PAGES: [Bad; 12] = [
    ("limit=0", &["limit"]),
    ("limit=101", &["limit"]),
    ("limit=-1", &["limit"]),
    ("limit=ten", &["limit"]),
    ("limit=1.5", &["limit"]),
    ("limit=", &["limit"]),
    ("limit=5&limit=6", &["limit"]),
    ("limit=99999999999999999999999", &["limit"]),
    ("offset=-1", &["offset"]),
    ("offset=1000001", &["offset"]),
    ("limit=0x10&offset=%00", &["limit", "offset"]),
    ("=&colour=red&%00=1", &["", "\0", "colour"]),
];

/// `GET /tasks` has its own.
const TASKS: [Bad; 22] = [
    ("status=gone", &["status"]),
    ("status=todo,gone", &["status"]),
    ("status=%ff", &["status"]),
    ("priority=urgent", &["priority"]),
    ("priority=HIGH", &["priority"]),
    ("sort=colour", &["sort"]),
    ("sort=title_asc,title_desc", &["sort"]),
    ("sort=title_asc;drop%20table%20tasks", &["sort"]),
    ("tags_match=some", &["tags_match"]),
    ("search=%00", &["search"]),
    ("search=a%00b", &["search"]),
    ("tags=a%00", &["tags"]),
    ("due_date_start=yesterday", &["due_date_start"]),
    ("due_date_start=2031-02-30", &["due_date_start"]),
    ("due_date_end=2031-13-01", &["due_date_end"]),
    ("due_date_end=2031-01-01T10:00:00", &["due_date_end"]),
    ("due_date_start=2031-01-02&due_date_end=2031-01-01", &["due_date_end"]),
    ("due_date_start=99999-01-01", &["due_date_start"]),
    ("due_date_end=-0001-01-01", &["due_date_end"]),
    ("user_id=0190f5a0-0000-7000-8000-000000000000", &["user_id"]),
    ("Status=todo", &["Status"]),
    (
        "status=x&priority=x&tags_match=x&sort=x&limit=x&offset=x&x=x",
        &["status", "priority", "tags_match", "sort", "limit", "offset", "x"],
    ),
];

/// So has `GET /audit-logs`.
const LOGS: [Bad; 7] = [
    ("user_id=me", &["user_id"]),
    ("entity_id=1", &["entity_id"]),
    ("action=", &["action"]),
    ("correlation_id=%00", &["correlation_id"]),
    ("start=yesterday", &["start"]),
    ("start=2031-01-02T00:00:00Z&end=2031-01-01T00:00:00Z", &["end"]),
    ("order=asc", &["order"]),
];

/// What is odd, but breaks no rule: it is searched for as it is written.
const ODD: [&str; 12] = [
    "",
    "&&&",
    "search==",
    "search=%zz",
    "search=%",
    "search=%2",
    "search=%ff%fe",
    "search=%c0%ae",
    "search=%ed%a0%80",
    "search=%27%20or%201=1;--",
    "search=%26%7C!():*%3C-%3E%5C",
    "tags=%25%5F&search=%22",
];

#[tokio::test]
async fn contract_every_broken_parameter_is_named() -> Result<()> {
    let world = World::new().await?;
    let history = format!("/tasks/{}/history", world.task);
    let mut table: Vec<(&str, &str, &[Bad])> = vec![
        ("tasks", "/tasks", &PAGES),
        ("tasks", "/tasks", &TASKS),
        ("tasks", &history, &PAGES),
        ("notifications", "/notifications", &PAGES),
        ("notifications", "/notifications", &[("unread=maybe", &["unread"]), ("unread=1", &["unread"])]),
        ("identity", "/people", &PAGES),
        ("identity", "/invitations", &PAGES),
        ("audit", "/audit-logs", &PAGES),
        ("audit", "/audit-logs", &LOGS),
        (
            "tasks",
            "/tags",
            &[("limit=0", &["limit"]), ("limit=101", &["limit"]), ("offset=5", &["offset"]), ("search=%00", &["search"])],
        ),
    ];
    table.retain(|(app, ..)| world.suite.runs(app));
    for (_, path, queries) in table {
        for (query, fields) in queries {
            let answer = world.person.get(&format!("{path}?{query}")).await?;
            refuses(&answer, 422, "invalid_fields", fields).with_context(|| format!("{path}?{query}"))?;
        }
    }
    for search in ["search".to_owned(), "tags".to_owned()] {
        let query = format!("{search}={}", "a".repeat(2001));
        refuses(&world.person.get(&format!("/tasks?{query}")).await?, 422, "invalid_fields", &[&search])?;
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_odd_searches_find_nothing_and_break_nothing() -> Result<()> {
    let world = World::new().await?;
    let port = world.suite.front_port()?;
    let bearer = format!("Bearer {}", world.person.token);
    for query in ODD {
        let target = format!("/tasks?{query}");
        let answer = exchange(port, &request("GET", target.as_bytes(), &[("Authorization", &bearer)])).await?;
        ensure!(answer.status == 200, "{target}: {} {}", answer.head, answer.body);
    }
    // Bytes that no URL may have: whoever sends them learns that, or finds nothing.
    for target in [b"/tasks?search=\xff".as_slice(), b"/tasks?search=a b", b"/tasks?search=\x01", b"/tasks?search=\"<>\\^`{|}"] {
        let answer = exchange(port, &request("GET", target, &[("Authorization", &bearer)])).await?;
        ensure!(matches!(answer.status, 0 | 200 | 400), "{}: {} {}", target.escape_ascii(), answer.head, answer.body);
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_an_id_that_is_none_is_not_found() -> Result<()> {
    let world = World::new().await?;
    let upper = world.task.to_uppercase();
    for id in [
        "1",
        "null",
        "undefined",
        "0190f5a0",
        "0190f5a0-0000-7000-8000-00000000000g",
        "%00",
        "%27%20or%201=1",
        &"a".repeat(5000),
        &Uuid::nil().to_string(),
    ] {
        for (method, path) in [
            (Method::GET, format!("/tasks/{id}")),
            (Method::PATCH, format!("/tasks/{id}")),
            (Method::DELETE, format!("/tasks/{id}")),
            (Method::POST, format!("/tasks/{id}/complete")),
            (Method::POST, format!("/tasks/{id}/restore")),
            (Method::POST, format!("/tasks/{id}/undo")),
            (Method::GET, format!("/tasks/{id}/history")),
            (Method::DELETE, format!("/tasks/{id}/recurrence")),
            (Method::DELETE, format!("/tags/{id}")),
            (Method::GET, format!("/tasks/{id}/reminders")),
            (Method::DELETE, format!("/tasks/{}/reminders/{id}", world.task)),
            (Method::POST, format!("/notifications/{id}/read")),
            (Method::DELETE, format!("/invitations/{id}")),
        ] {
            let app = if path.contains("/reminders") {
                "reminders"
            } else if path.starts_with("/notifications") {
                "notifications"
            } else if path.starts_with("/invitations") {
                "identity"
            } else {
                "tasks"
            };
            if world.suite.runs(app) {
                let body = (method == Method::PATCH).then(|| br#"{"title":"b"}"#.to_vec());
                let answer = world.person.send(method.clone(), &path, &[], body).await?;
                refuses(&answer, 404, "not_found", &[]).with_context(|| format!("{method} {path:.100}"))?;
            }
        }
    }
    // The same id in capitals is the same id.
    world.person.get(&format!("/tasks/{upper}")).await?.is(200)?;
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_headers_that_break_a_rule_are_400_and_nothing_is_stored() -> Result<()> {
    let world = World::new().await?;
    let body = || Some(br#"{"title":"b"}"#.to_vec());
    for key in ["", "a b", "é", &"a".repeat(256)] {
        let answer = world.person.send(Method::POST, "/tasks", &[("Idempotency-Key", key)], body()).await?;
        refuses(&answer, 400, "bad_request", &[]).with_context(|| format!("Idempotency-Key {key:?}"))?;
    }
    for version in ["", "three", "\"a\"", "1.5", "1, 2", "99999999999999999999999"] {
        let answer =
            world.person.send(Method::PATCH, &format!("/tasks/{}", world.task), &[("If-Match", version)], body()).await?;
        refuses(&answer, 400, "bad_request", &[]).with_context(|| format!("If-Match {version:?}"))?;
    }
    world.nothing_changed().await
}

#[tokio::test]
async fn contract_oversized_heads_are_refused_before_anything_is_read() -> Result<()> {
    let world = World::new().await?;
    let bearer = format!("Bearer {}", world.person.token);
    let (large, huge) = ("a".repeat(600 * 1024), "a".repeat(2 * 1024 * 1024));
    for port in [world.suite.front_port()?, world.suite.stack().instance("gateway", 0)?.app_port] {
        for text in [&large, &huge] {
            let answer = exchange(port, &request("POST", b"/tasks", &[("Authorization", &bearer), ("X-Large", text)])).await?;
            ensure!(matches!(answer.status, 0 | 400 | 431), "a header of {} bytes: {}", text.len(), answer.head);
            let target = format!("/tasks?search={text}");
            let answer = exchange(port, &request("GET", target.as_bytes(), &[("Authorization", &bearer)])).await?;
            ensure!(matches!(answer.status, 0 | 400 | 414 | 431), "an address of {} bytes: {}", text.len(), answer.head);
        }
        let names: Vec<String> = (0..300).map(|number| format!("X-{number}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "a")).collect();
        let answer = exchange(port, &request("GET", b"/tasks", &many)).await?;
        ensure!(matches!(answer.status, 0 | 400 | 401 | 431), "300 headers: {}", answer.head);
    }
    world.nothing_changed().await
}
