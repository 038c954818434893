//! What other apps of the suite ask: sessions for `web`, grants for `cli`.

pub mod grant;
pub mod session_token;
pub mod sign_in;
pub mod sign_out;

use service::door::CallingApp;
use service::fields;
use service::problem::{Code, Problem};
use service::request::JsonBody;

use service::secret::Hash;

/// Lets only `app` go on.
///
/// # Errors
/// 403 for any other app.
fn only(app: &str, calling: &CallingApp) -> Result<(), Problem> {
    if calling.0 == app { Ok(()) } else { Err(Problem::new(Code::Forbidden, format!("This route is for {app}."))) }
}

/// The session of a body that holds nothing else, hashed.
///
/// # Errors
/// 422 when it is not there.
fn session_of(body: JsonBody) -> Result<Hash, Problem> {
    let mut fields = body.fields;
    let session = fields.required("session", |value| fields::text(value, 1, 200));
    fields.finish()?;
    session.map(|session| Hash::of(&session)).ok_or_else(|| Problem::field("session", "is required"))
}
