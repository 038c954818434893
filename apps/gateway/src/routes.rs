//! The table of everything that can be reached from outside. What is not here does not exist for a client.

use std::time::Duration;

use axum::http::Method;
use contracts::task::FEED_KEY;
use contracts::user::INVITATION;
use percent_encoding::percent_decode_str;
use service::request::MAX_BODY;
use sidecar::invoke::Path;

use crate::routes::Door::{Key, Open, Page, Public};
use crate::routes::Rate::{Read, Write};

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A person with a token.
    Public,
    /// Anyone.
    Open,
    /// Whoever shows the key that stands in the query; the app behind knows whose it is.
    Key,
    /// A browser; web itself looks at its cookie.
    Page,
}

/// How often they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As often as they like.
    Read,
    /// Per person, as often as their token says.
    Write,
    /// Per address.
    Open,
}

/// One operation of one app.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method; GET answers HEAD too.
    pub method: Method,
    /// Path with `{name}` for a segment and `{*rest}` for all that follow.
    pub template: &'static str,
    /// The app that answers.
    pub app: &'static str,
    /// Who may pass.
    pub door: Door,
    /// How often.
    pub rate: Rate,
    /// Largest request body in bytes.
    pub body: usize,
    /// Time allowed until the head of the answer is here.
    pub timeout: Duration,
}

/// The body of every JSON operation.
const JSON: usize = MAX_BODY;
/// Just above the 5 s that the resiliency file gives an app, so that the sidecar's word comes first.
const CALL: Duration = Duration::from_secs(6);

/// What clients of other suites write before a path of the API.
const REWRITTEN: &str = "/api/v1";

/// The table.
pub static ROUTES: &[Route] = &[
    route(Method::POST, "/tasks", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks", "tasks", Public, Read, JSON, CALL),
    route(Method::GET, "/tasks/changes", "tasks", Public, Read, JSON, CALL),
    route(Method::POST, "/tasks/import", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/export", "tasks", Public, Read, JSON, CALL),
    route(Method::POST, "/tasks/feed", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/feed", "tasks", Public, Read, JSON, CALL),
    route(Method::DELETE, "/tasks/feed", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/feed.ics", "tasks", Key, Rate::Open, JSON, CALL),
    route(Method::POST, "/tasks/bulk", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/{id}", "tasks", Public, Read, JSON, CALL),
    route(Method::PATCH, "/tasks/{id}", "tasks", Public, Write, JSON, CALL),
    route(Method::DELETE, "/tasks/{id}", "tasks", Public, Write, JSON, CALL),
    route(Method::POST, "/tasks/{id}/complete", "tasks", Public, Write, JSON, CALL),
    route(Method::POST, "/tasks/{id}/restore", "tasks", Public, Write, JSON, CALL),
    route(Method::POST, "/tasks/{id}/undo", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/{id}/history", "tasks", Public, Read, JSON, CALL),
    route(Method::DELETE, "/tasks/{id}/recurrence", "tasks", Public, Write, JSON, CALL),
    route(Method::POST, "/tags", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tags", "tasks", Public, Read, JSON, CALL),
    route(Method::DELETE, "/tags/{id}", "tasks", Public, Write, JSON, CALL),
    route(Method::GET, "/tasks/{id}/reminders", "reminders", Public, Read, JSON, CALL),
    route(Method::POST, "/tasks/{id}/reminders", "reminders", Public, Write, JSON, CALL),
    route(Method::DELETE, "/tasks/{id}/reminders/{reminder_id}", "reminders", Public, Write, JSON, CALL),
    route(Method::GET, "/notifications", "notifications", Public, Read, JSON, CALL),
    route(Method::POST, "/notifications/read", "notifications", Public, Write, JSON, CALL),
    route(Method::POST, "/notifications/{id}/read", "notifications", Public, Write, JSON, CALL),
    route(Method::POST, "/v1/messages", "messaging", Public, Write, JSON, CALL),
    route(Method::GET, "/v1/conversations", "messaging", Public, Read, JSON, CALL),
    route(Method::POST, "/v1/conversations", "messaging", Public, Write, JSON, CALL),
    route(Method::GET, "/v1/conversations/{id}", "messaging", Public, Read, JSON, CALL),
    route(Method::POST, "/v1/conversations/{id}/members", "messaging", Public, Write, JSON, CALL),
    route(Method::DELETE, "/v1/conversations/{id}/members/{user_id}", "messaging", Public, Write, JSON, CALL),
    route(Method::GET, "/v1/conversations/{id}/messages", "messaging", Public, Read, JSON, CALL),
    route(Method::POST, "/v1/conversations/{id}/read", "messaging", Public, Write, JSON, CALL),
    route(Method::POST, "/auth/signup", "identity", Open, Rate::Open, JSON, CALL),
    route(Method::POST, "/auth/token", "identity", Open, Rate::Open, JSON, CALL),
    route(Method::POST, "/auth/refresh", "identity", Open, Rate::Open, JSON, CALL),
    route(Method::POST, "/auth/revoke", "identity", Open, Rate::Open, JSON, CALL),
    route(Method::GET, "/.well-known/jwks.json", "identity", Open, Read, JSON, CALL),
    route(Method::GET, "/users/me/preferences", "identity", Public, Read, JSON, CALL),
    route(Method::PATCH, "/users/me/preferences", "identity", Public, Write, JSON, CALL),
    route(Method::GET, "/people", "identity", Public, Read, JSON, CALL),
    route(Method::POST, "/invitations", "identity", Public, Write, JSON, CALL),
    route(Method::GET, "/invitations", "identity", Public, Read, JSON, CALL),
    route(Method::DELETE, "/invitations/{id}", "identity", Public, Write, JSON, CALL),
    route(Method::GET, "/audit-logs", "audit", Public, Read, JSON, CALL),
    route(Method::GET, "/v1/admin/dlq", "audit", Public, Read, JSON, CALL),
    route(Method::GET, "/v1/admin/dlq/{id}", "audit", Public, Read, JSON, CALL),
    route(Method::POST, "/v1/admin/dlq/{id}/replay", "audit", Public, Write, JSON, CALL),
    route(Method::POST, "/v1/admin/dlq/{id}/discard", "audit", Public, Write, JSON, CALL),
    route(Method::GET, "/", "web", Page, Read, JSON, CALL),
    route(Method::GET, "/app", "web", Page, Read, JSON, CALL),
    route(Method::POST, "/app", "web", Page, Write, JSON, CALL),
    route(Method::POST, "/app/sign-in", "web", Page, Rate::Open, JSON, CALL),
    route(Method::POST, "/app/sign-up", "web", Page, Rate::Open, JSON, CALL),
    route(Method::GET, "/app/sign-in", "web", Page, Read, JSON, CALL),
    route(Method::GET, "/app/sign-up", "web", Page, Read, JSON, CALL),
    route(Method::GET, "/app/{*rest}", "web", Page, Read, JSON, CALL),
    // Each page that opens asks for one; it changes nothing.
    route(Method::POST, "/app/socket-token", "web", Page, Read, JSON, CALL),
    route(Method::POST, "/app/{*rest}", "web", Page, Write, JSON, CALL),
];

const fn route(
    method: Method,
    template: &'static str,
    app: &'static str,
    door: Door,
    rate: Rate,
    body: usize,
    timeout: Duration,
) -> Route {
    Route { method, template, app, door, rate, body, timeout }
}

impl Route {
    /// The parameter of its query that is a secret, and the header in which it is handed on. Nothing else of such a query is.
    pub fn secret(&self) -> Option<(&'static str, &'static str)> {
        match (self.door, self.template) {
            (Key, _) => Some(("key", FEED_KEY)),
            (Page, "/app/sign-up") => Some(("invitation", INVITATION)),
            _ => None,
        }
    }
}

/// Every app in the table, once.
pub fn apps() -> Vec<&'static str> {
    let mut apps: Vec<_> = ROUTES.iter().map(|route| route.app).collect();
    apps.sort_unstable();
    apps.dedup();
    apps
}

/// A route under one of the paths a client may write.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The route.
    pub route: &'static Route,
    /// What stands before its template and is not handed on.
    prefix: &'static str,
}

/// Every route under every path a client may write.
pub fn entries() -> impl Iterator<Item = Entry> {
    let own = ROUTES.iter().map(|route| Entry { route, prefix: "" });
    // What has its version in its own path, or belongs to browsers, is not rewritten.
    let rewritten = ROUTES
        .iter()
        .filter(|route| route.door != Page && !route.template.starts_with("/v1/") && !route.template.starts_with("/."));
    own.chain(rewritten.map(|route| Entry { route, prefix: REWRITTEN }))
}

impl Entry {
    /// The path a client writes, as a template.
    pub fn template(&self) -> String {
        format!("{}{}", self.prefix, self.route.template)
    }

    /// The path on the app for what a client wrote: built from the captured segments, never from the client's text.
    pub fn path(&self, raw: &str) -> Option<Path> {
        let segments = capture(self.route.template, raw.strip_prefix(self.prefix)?)?;
        Path::forwarded(&segments).ok()
    }
}

/// Whether no app could ever have this path.
pub fn is_hostile(raw: &str) -> bool {
    let segments = if raw == "/" { Some(Vec::new()) } else { capture("/{*all}", raw) };
    segments.is_none_or(|segments| Path::forwarded(&segments).is_err())
}

/// The decoded segments of `raw` when it has the shape of `template`.
fn capture(template: &str, raw: &str) -> Option<Vec<String>> {
    if template == "/" {
        return (raw == "/").then(Vec::new);
    }
    let mut segments = Vec::new();
    let mut written = raw.strip_prefix('/')?.split('/');
    for expected in template.trim_start_matches('/').split('/') {
        if expected.starts_with("{*") {
            let before = segments.len();
            for rest in written.by_ref() {
                segments.push(decode(rest)?);
            }
            return (segments.len() > before).then_some(segments);
        }
        let segment = written.next()?;
        match expected.starts_with('{') {
            true => segments.push(decode(segment)?),
            false if segment == expected => segments.push(expected.to_owned()),
            false => return None,
        }
    }
    written.next().is_none().then_some(segments)
}

/// Percent-decodes once; `None` for a broken escape and for what is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    segment.split('%').skip(1).all(is_escape).then(|| decoded.into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Paths that want to be somewhere else than they say.
    pub(crate) const HOSTILE: [&str; 44] = [
        "/tasks/../v1.0/secrets/secretstore/bulk",
        "/tasks/%2e%2e/events/task-events",
        "/tasks/%2E%2E/internal/open",
        "/tasks/%252e%252e/events/task-events",
        "/tasks/..%2fevents%2ftask-events",
        "/tasks/..%5cevents",
        "/tasks/..\\events",
        "/tasks/.",
        "/tasks/..",
        "/tasks/%2e",
        "/tasks/",
        "/tasks//",
        "//tasks",
        "/tasks//complete",
        "/tasks/a%2fb",
        "/tasks/a%252fb",
        "/tasks/a%5cb",
        "/tasks/a%00",
        "/tasks/%0d%0aHost:%20x",
        "/tasks/%ff",
        "/tasks/%zz",
        "/tasks/%2",
        "/tasks/../../v1.0/shutdown",
        "/v1.0/shutdown",
        "/v1.0/secrets/secretstore/bulk",
        "/V1.0/metadata",
        "/v1.0-alpha1/workflows/x",
        "/v1.0/invoke/tasks/method/internal/open",
        "/dapr/subscribe",
        "/dapr/config",
        "/events/task-events",
        "/jobs/reminder-trigger",
        "/job/reminder-trigger",
        "/internal/tasks/open",
        "/api/v1/../internal/tasks/open",
        "/api/v1/internal/tasks/open",
        "/api/v1/tasks/%2e%2e",
        "/api/v1//tasks",
        "/app/../v1.0/metadata",
        "/app/%2e%2e/internal/sessions",
        "/app/static/%2e%2e/%2e%2e/internal/sessions",
        "/app//evil.example",
        "/app/a%2f..%2f..%2fetc",
        "/app/x\\..\\y",
    ];

    #[test]
    fn a_hostile_path_is_nobodys() {
        for path in HOSTILE {
            let found = entries().find_map(|entry| entry.path(path));
            assert_eq!(found, None, "{path}");
            // The prefix alone is clean: what it is put before is not.
            assert!(is_hostile(path) || path == "/api/v1/internal/tasks/open", "{path}");
        }
    }

    #[test]
    fn the_path_handed_on_is_built_from_the_template() {
        let path = |written: &str| entries().find_map(|entry| entry.path(written)).map(|path| path.as_str().to_owned());
        assert_eq!(path("/").as_deref(), Some("/"));
        assert_eq!(path("/tasks/a%20b").as_deref(), Some("/tasks/a%2520b"));
        assert_eq!(path("/tasks/a;b").as_deref(), Some("/tasks/a%253Bb"));
        assert_eq!(path("/api/v1/tasks/5/reminders/6").as_deref(), Some("/tasks/5/reminders/6"));
        assert_eq!(path("/app/static/app.css").as_deref(), Some("/app/static/app.css"));
        assert_eq!(path("/.well-known/jwks.json").as_deref(), Some("/.well-known/jwks.json"));
        assert_eq!(path("/api/v1/v1/admin/dlq"), None);
        assert_eq!(path("/nothing"), None);
    }

    #[test]
    fn an_operation_is_in_the_table_once() {
        for (at, route) in ROUTES.iter().enumerate() {
            let twin = ROUTES.iter().skip(at + 1).find(|other| other.method == route.method && other.template == route.template);
            assert!(twin.is_none(), "{} {}", route.method, route.template);
        }
    }

    #[test]
    fn only_a_feed_and_signing_up_have_a_secret_in_their_query() {
        let secret: Vec<_> = ROUTES.iter().filter(|route| route.secret().is_some()).map(|route| route.template).collect();
        assert_eq!(secret, ["/tasks/feed.ics", "/app/sign-up", "/app/sign-up"]);
    }

    #[test]
    fn what_changes_something_is_limited() {
        // A page's socket token is asked for by POST so that no other site can, and changes nothing.
        let changes = |route: &&Route| route.method != Method::GET && route.template != "/app/socket-token";
        for route in ROUTES.iter().filter(changes) {
            assert_ne!(route.rate, Read, "{} {}", route.method, route.template);
        }
    }
}
