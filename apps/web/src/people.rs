//! The people of the team, as the API answers them.

use contracts::Page;
use serde::Deserialize;
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::visitor::Visitor;

/// Most people of one answer; a conversation has room for as many.
const LIMIT: i64 = contracts::page::MAX_LIMIT;

/// One of them.
#[derive(Debug, Deserialize)]
pub struct Person {
    /// Who.
    pub id: Uuid,
    /// What they are called.
    pub display_name: String,
    /// By which two of one name differ.
    pub email: String,
}

/// One page of the people.
///
/// # Errors
/// When identity does not answer.
pub async fn read(visitor: &Visitor, page: i64) -> Result<Page<Person>, Failure> {
    let query = [("limit", LIMIT.to_string()), ("offset", ((page - 1) * LIMIT).to_string())];
    visitor.call(Call::get("identity", &["people"]).query(&query)).await?.json()
}

/// The first of them without the person themselves; nothing when they cannot be asked for.
pub async fn others(visitor: &Visitor) -> Option<Vec<Person>> {
    match read(visitor, 1).await {
        Ok(found) => Some(found.items.into_iter().filter(|person| person.id != visitor.person.user.id).collect()),
        Err(failure) => {
            tracing::warn!(?failure, "the people of the team were not asked for");
            None
        }
    }
}
