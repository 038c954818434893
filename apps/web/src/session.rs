//! Sessions: identity keeps them, the browser holds the id in a cookie, and access tokens stay here in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use axum_extra::extract::cookie::{Cookie, SameSite};
use chrono_tz::Tz;
use contracts::user::User;
use moka::Expiry;
use moka::future::Cache;
use serde::Deserialize;
use serde_json::json;
use service::internal::Internal;
use service::problem::Body;

use crate::failure::Failure;
use crate::zone;

/// The cookie of a signed-in person.
pub const SESSION: &str = "session";
/// The cookie that binds the forms of the sign-in and sign-up pages.
pub const VISIT: &str = "visit";
/// As long as identity keeps a session that is not used.
const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A token is renewed this long before it ends.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// People whose tokens are kept; others are asked for again.
const MOST_KEPT: u64 = 100_000;

/// A signed-in person.
#[derive(Debug)]
pub struct Person {
    /// For the other apps and the socket.
    pub token: String,
    /// How long from when it was fetched the token is used.
    lifetime: Duration,
    /// When the token was fetched.
    fetched: Instant,
    /// Who.
    pub user: User,
    /// Their zone.
    pub zone: Tz,
}

impl Person {
    /// How long the token can still be used.
    pub fn remaining(&self) -> Duration {
        self.lifetime.saturating_sub(self.fetched.elapsed())
    }
}

/// Who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    internal: Internal,
    people: Cache<String, Arc<Person>>,
}

/// A new session.
#[derive(Debug, Deserialize)]
pub struct Begun {
    /// The id, for the cookie.
    pub session: String,
}

/// What came of an attempt to sign in.
#[derive(Debug)]
pub enum SignIn {
    /// It worked.
    Begun(Begun),
    /// Address and password do not belong together.
    Wrong,
    /// Refused for another reason, such as too many attempts.
    Refused(Box<Body>),
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
    user: User,
}

struct WithToken;

impl Expiry<String, Arc<Person>> for WithToken {
    fn expire_after_create(&self, _: &String, person: &Arc<Person>, _: Instant) -> Option<Duration> {
        Some(person.lifetime)
    }
}

impl Sessions {
    /// None known yet.
    pub fn new(internal: Internal) -> Self {
        Self { internal, people: Cache::builder().max_capacity(MOST_KEPT).expire_after(WithToken).build() }
    }

    /// Signs in.
    ///
    /// # Errors
    /// When identity does not answer.
    pub async fn begin(&self, email: &str, password: &str) -> Result<SignIn, Failure> {
        let body = json!({ "email": email, "password": password });
        let answer = self.internal.call("identity", Method::POST, &["sessions"], Some(&body)).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::UNPROCESSABLE_ENTITY => Ok(SignIn::Wrong),
            StatusCode::TOO_MANY_REQUESTS => Ok(SignIn::Refused(Box::new(answer.json()?))),
            _ => Ok(SignIn::Begun(answer.accepted()?.json()?)),
        }
    }

    /// The person of a session; asked from identity once a token's life.
    ///
    /// # Errors
    /// [`Failure::SignedOut`] when identity does not know the session, [`Failure::Away`] when it does not answer.
    pub async fn person(&self, session: &str) -> Result<Arc<Person>, Failure> {
        let fetched = self.people.try_get_with_by_ref(session, self.fetch(session)).await;
        fetched.map_err(|failure| Failure::clone(&failure))
    }

    async fn fetch(&self, session: &str) -> Result<Arc<Person>, Failure> {
        let answer =
            self.internal.call("identity", Method::POST, &["sessions", "token"], Some(&json!({ "session": session }))).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(Failure::SignedOut);
        }
        let token: Token = answer.accepted()?.json()?;
        Ok(Arc::new(Person {
            token: token.access_token,
            lifetime: Duration::from_secs(token.expires_in).saturating_sub(RENEW_BEFORE),
            fetched: Instant::now(),
            zone: zone::of(&token.user.timezone),
            user: token.user,
        }))
    }

    /// Forgets what is kept of a session, so that it is asked for again: the token was not taken, or the person changed.
    pub async fn forget(&self, session: &str) {
        self.people.invalidate(session).await;
    }

    /// Ends a session. When identity does not answer, it ends by itself; the browser has lost the id either way.
    pub async fn end(&self, session: &str) {
        self.forget(session).await;
        let answer = self.internal.call("identity", Method::DELETE, &["sessions"], Some(&json!({ "session": session }))).await;
        // Another request of the page may have asked for a token meanwhile.
        self.forget(session).await;
        if let Err(error) = answer.and_then(service::internal::Answer::accepted) {
            tracing::warn!(%error, "a session was not ended at identity");
        }
    }
}

/// The cookie of a session, for as long as identity keeps it unused.
pub fn cookie(session: &str, secure: bool) -> Cookie<'static> {
    session_cookie(session.to_owned(), SESSION_LIFE, secure)
}

/// What takes the session's cookie away.
pub fn no_cookie(secure: bool) -> Cookie<'static> {
    session_cookie(String::new(), Duration::ZERO, secure)
}

fn session_cookie(value: String, age: Duration, secure: bool) -> Cookie<'static> {
    let builder = Cookie::build((SESSION, value)).path("/").http_only(true).same_site(SameSite::Lax).secure(secure);
    builder.max_age(age.try_into().unwrap_or_default()).build()
}

/// The cookie of a visit: until the browser closes.
pub fn visit_cookie(visit: &str, secure: bool) -> Cookie<'static> {
    Cookie::build((VISIT, visit.to_owned())).path("/app").http_only(true).same_site(SameSite::Lax).secure(secure).build()
}
