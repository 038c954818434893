//! The two doors that are not for the public: the sidecar's, and the one between apps.
//!
//! daprd shows `dapr-api-token` on every call it makes, also on one that it forwards for another app, so the token alone proves
//! nothing. What a forwarded call cannot hide is `dapr-callee-app-id`; a call between apps must bring the calling app's own token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contracts::token::internal_scope;
use subtle::ConstantTimeEq;

use crate::caller::{Keys, bearer};
use crate::config::Secret;
use crate::problem::{Code, Problem};

/// What the guards compare with.
#[derive(Clone)]
pub struct Doors {
    /// What our sidecar shows (`APP_API_TOKEN`); absent: every caller on this host is taken for it.
    pub app_api_token: Option<Secret>,
    /// Identity's keys.
    pub keys: Keys,
    /// Our own app id.
    pub app: &'static str,
}

/// Tells a caller that the door refused, and not the handler behind it.
pub const REFUSED: &str = "x-door-refused";

/// The calling app, on an internal route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingApp(pub String);

/// Lets only our own sidecar pass, speaking for itself: events, cron and jobs.
pub async fn sidecar_only(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    match doors.is_sidecar(request.headers()) {
        true if !request.headers().contains_key("dapr-callee-app-id") => next.run(request).await,
        // Forwarded for another app: there is no such road.
        true => Problem::not_found().into_response(),
        false => Problem::new(Code::Unauthorized, "This route is for the sidecar.").into_response(),
    }
}

/// Lets nobody pass who came through a door: what looks in from inside (scrapes, probes, the sidecar itself) has no hop behind it.
pub async fn inside_only(request: Request, next: Next) -> Response {
    let came_through = ["x-forwarded-for", "forwarded", "dapr-callee-app-id"];
    match came_through.iter().any(|name| request.headers().contains_key(*name)) {
        true => Problem::not_found().into_response(),
        false => next.run(request).await,
    }
}

/// Lets only an app of the suite pass, through our sidecar and with its own token for us.
pub async fn apps_only(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    match doors.calling_app(request.headers()).await {
        Ok(app) => {
            request.extensions_mut().insert(app);
            next.run(request).await
        }
        Err(problem) => {
            let mut response = problem.into_response();
            response.headers_mut().insert(REFUSED, HeaderValue::from_static("internal"));
            response
        }
    }
}

impl Doors {
    fn is_sidecar(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.app_api_token else { return true };
        let shown = headers.get("dapr-api-token").map(|value| value.as_bytes()).unwrap_or_default();
        shown.ct_eq(expected.reveal().as_bytes()).into()
    }

    async fn calling_app(&self, headers: &HeaderMap) -> Result<CallingApp, Problem> {
        if !self.is_sidecar(headers) {
            return Err(Problem::new(Code::Unauthorized, "This route is for apps of the suite."));
        }
        let claims = self.keys.verify(bearer(headers)?).await?;
        if claims.user_id.is_some() || !claims.has_scope(&internal_scope(self.app)) {
            return Err(Problem::new(Code::Forbidden, "The token is not for this app's internal routes."));
        }
        Ok(CallingApp(claims.sub))
    }
}
