//! Who may look after dead letters: a person whose token has the scope `ops`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use service::{Caller, Code, Problem};

/// A caller with the scope `ops`. A handler that asks for one cannot be reached by anyone else.
#[derive(Clone, Debug)]
pub struct Operator(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if !caller.is_operator() {
            return Err(Problem::new(Code::Forbidden, "Only operators may look after dead letters."));
        }
        Ok(Self(caller))
    }
}
