//! `POST /job/{name}`: the scheduler says that a reminder's time has come.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use service::problem::{Code, Problem};

use crate::job::{Calls, Name};

/// Fires everything whose time has come. A refusal is called again: the reminder would be lost with its job.
pub async fn call(State(calls): State<Calls>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name: Name = name.parse().map_err(|()| Problem::not_found())?;
    match calls.call(name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Code::Unavailable, "The reminder still waits.").retry_after(1)),
    }
}
