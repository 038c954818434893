//! `POST /app/socket-token`: the one token a browser is given, for the socket; asked for again when the socket closes with 4401.

use axum::Json;
use serde::Serialize;

use crate::failure::Failure;
use crate::form::Form;

/// A token and how long it can be used.
#[derive(Serialize)]
pub struct SocketToken {
    token: String,
    expires_in: u64,
}

/// `POST`.
///
/// # Errors
/// When nobody is signed in.
pub async fn give(form: Form) -> Result<Json<SocketToken>, Failure> {
    let visitor = form.visitor;
    // Asked for because realtime did not take the last one: that one is not given again.
    let person = if form.fields.ticked("renew") {
        visitor.site.sessions.forget(&visitor.session).await;
        visitor.site.sessions.person(&visitor.session).await?
    } else {
        visitor.person
    };
    Ok(Json(SocketToken { token: person.token.clone(), expires_in: person.remaining().as_secs() }))
}
