//! The route table, and the upgrade.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State as Shared};
use axum::response::Response;
use axum::routing::get;
use service::openapi::Bearer;
use service::{Caller, Code, Problem};
use utoipa::OpenApi;

use crate::State;
use crate::socket;

/// Longest message a page may send: it has nothing to say.
const MAX_INBOUND: usize = 4 * 1024;

/// What pages ask.
pub fn public(state: State) -> Router {
    Router::new().route("/ws", get(open)).with_state(state)
}

/// The document of the public operations.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "realtime", description = "The socket: each change of a person's data to each of their open pages."),
    paths(open),
    components(schemas(crate::frame::Frame, service::problem::Code, service::problem::FieldError)),
    modifiers(&Bearer)
)]
pub struct Document;

/// Opens a socket for the person whose token it is.
///
/// A browser cannot send headers with an upgrade, so the token stands in the query; it is neither logged nor traced.
///
/// # Errors
/// 401 without a valid token of a person, 400 when it is no upgrade.
#[utoipa::path(
    get, path = "/ws", tag = "realtime",
    params(("token" = String, Query, description = "An access token")),
    responses((status = 101, description = "A socket with one JSON text frame for each change. Close codes: 1001 the instance stops, 4401 the token has ended, 4408 no pong, 4429 too slow", body = crate::frame::Frame), service::openapi::Refusals),
    extensions(("x-door" = json!("socket")))
)]
pub async fn open(Shared(state): Shared<State>, request: Request) -> Result<Response, Problem> {
    let token = token_of(request.uri().query().unwrap_or_default())
        .ok_or_else(|| Problem::new(Code::Unauthorized, "Send the token as ?token=."))?;
    let caller = Caller::try_from(state.base.keys.verify(token).await?)?;
    let expires_at = chrono::DateTime::from_timestamp(caller.claims.exp, 0)
        .ok_or_else(|| Problem::new(Code::Unauthorized, "The token is not valid."))?;
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &state).await;
    let upgrade = upgrade
        .map_err(|rejection| Problem::new(Code::BadRequest, "This path takes WebSocket upgrades only.").caused_by(rejection))?;
    let upgrade = upgrade.max_message_size(MAX_INBOUND).max_frame_size(MAX_INBOUND);
    Ok(upgrade.on_upgrade(move |socket| {
        let seat = state.hub.join(caller.user_id, state.base.clock.now());
        socket::serve(state, socket, seat, expires_at)
    }))
}

/// The token of a query string. A JWT has no character that would be encoded.
fn token_of(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_words() {
        assert_eq!(token_of("a=1&token=x.y.z&b=2"), Some("x.y.z"));
        assert_eq!(token_of("a=1&token="), None);
        assert_eq!(token_of("mytoken=x"), None);
    }

    #[test]
    fn the_document_names_the_door() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        assert_eq!(document["paths"]["/ws"]["get"]["x-door"], "socket");
    }
}
