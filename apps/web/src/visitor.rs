//! Who is asking: the signed-in person of the session cookie. A handler that takes a [`Visitor`] cannot run for anyone else.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, Method, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contracts::task::Task;
use serde::Deserialize;
use serde_json::Value;
use service::access::Actor;

use crate::Site;
use crate::api::{Answer, Call};
use crate::failure::Failure;
use crate::guard::Bound;
use crate::page::{self, Shell};
use crate::session::{self, Person};

/// A page does not wait longer than this for the number in its corner.
const COUNT_WITHIN: Duration = Duration::from_millis(1_500);
/// How often a change is tried when others come between its read and its write.
const ROUNDS: u32 = 3;

/// A signed-in person and what they asked with.
pub struct Visitor {
    /// Everything handlers may use.
    pub site: Site,
    /// The id in the cookie.
    pub session: String,
    /// Who.
    pub person: Arc<Person>,
    /// Headers of the request.
    pub headers: HeaderMap,
}

#[derive(Deserialize)]
struct Count {
    unread_count: i64,
}

impl Visitor {
    /// Whoever sent these headers.
    ///
    /// # Errors
    /// [`Failure::SignedOut`] without a session; else when identity does not answer for it.
    pub async fn of(site: &Site, headers: &HeaderMap) -> Result<Self, Failure> {
        let jar = CookieJar::from_headers(headers);
        let session = jar.get(session::SESSION).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty());
        let session = session.ok_or(Failure::SignedOut)?;
        let person = site.sessions.person(&session).await?;
        Ok(Self { site: site.clone(), session, person, headers: headers.clone() })
    }

    /// Calls an app with the person's token; when it is not taken, once more with a new one.
    ///
    /// # Errors
    /// As [`Call::send`]; [`Failure::SignedOut`] when a new token is not taken either.
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let sidecar = &self.site.base.sidecar;
        match call.send(sidecar, Some(&self.person.token)).await {
            Err(Failure::Unauthorized) => {
                self.site.sessions.forget(&self.session).await;
                let person = self.site.sessions.person(&self.session).await?;
                call.send(sidecar, Some(&person.token)).await
            }
            answer => answer,
        }
    }

    /// One task.
    ///
    /// # Errors
    /// As [`Visitor::call`].
    pub async fn task(&self, id: &str) -> Result<Task, Failure> {
        self.call(Call::get("tasks", &["tasks", id])).await?.json()
    }

    /// A write on a task that answers with it.
    ///
    /// # Errors
    /// As [`Visitor::call`].
    pub async fn change(&self, id: &str, verb: &str) -> Result<Task, Failure> {
        self.call(Call::new(Method::POST, "tasks", &["tasks", id, verb])).await?.json()
    }

    /// Changes a task as it stands, whatever it is that `changes` makes of it: read again and tried again when another change came between
    /// the read and the write. Gives the task as it was read last, and what came of the change; nothing where `changes` has none.
    ///
    /// # Errors
    /// When the task cannot be read.
    pub async fn patch(
        &self,
        id: &str,
        mut changes: impl FnMut(&Task) -> Option<Value>,
    ) -> Result<(Task, Option<Result<Task, Failure>>), Failure> {
        let mut round = 1;
        loop {
            let before = self.task(id).await?;
            let Some(body) = changes(&before) else { return Ok((before, None)) };
            let call = Call::new(Method::PATCH, "tasks", &["tasks", id]).body(body);
            match self.call(call.header(header::IF_MATCH, &format!("\"{}\"", before.version))).await {
                Err(failure) if failure.is_stale() && round < ROUNDS => round += 1,
                answer => return Ok((before, Some(answer.and_then(|answer| answer.json())))),
            }
        }
    }

    /// Unread notifications; absent when they cannot be counted, which no page waits for.
    pub async fn unread(&self) -> Option<i64> {
        let call = Call::get("notifications", &["notifications"]).query(&[("unread", "true".into()), ("limit", "1".into())]);
        let answer = self.call(call.within(COUNT_WITHIN)).await;
        answer
            .and_then(|answer| answer.json::<Count>())
            .inspect_err(|failure| tracing::warn!(?failure, "unread not counted"))
            .ok()
            .map(|count| count.unread_count)
    }

    /// The frame of a page.
    pub fn shell(&self, title: &str, here: &'static str, unread: Option<i64>) -> Shell {
        let (name, person) = (Some(self.person.user.display_name.clone()), Some(self.person.user.id));
        Shell { here, name, person, unread, ..Shell::open(title, self.csrf()) }
    }

    /// The token of this session's forms.
    pub fn csrf(&self) -> String {
        self.site.guard.token(Bound::Session(&self.session))
    }

    /// Whether script asks for the part that changed.
    pub fn wants_fragment(&self) -> bool {
        page::wants_fragment(&self.headers)
    }

    /// The person's zone.
    pub fn zone(&self) -> Tz {
        self.person.zone
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.site.base.clock.now()
    }

    /// A whole page. It moves the cookie's end on, as the visit moved the session's.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn page(&self, status: StatusCode, template: &impl Template) -> Result<Response, Failure> {
        let jar = CookieJar::new().add(session::cookie(&self.session, self.site.guard.secure));
        Ok((jar, page::html(status, template)?).into_response())
    }

    /// To another page.
    pub fn go(&self, to: &str) -> Response {
        page::go(&self.headers, to)
    }
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Failure> {
        let visitor = Self::of(site, &parts.headers).await?;
        if let Some(actor) = parts.extensions.get::<Actor>() {
            // Asked twice in one request, it is the same person.
            let _ = actor.0.set(visitor.person.user.id);
        }
        Ok(visitor)
    }
}
