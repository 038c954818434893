//! The noun: what a conversation may be. No await, no HTTP, no SQL.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::fields::{self, Ruled};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest title, in characters.
pub const MAX_TITLE: usize = 100;
/// Most people in one conversation, who begins it included: each message names all of them to the open pages.
pub const MAX_MEMBERS: usize = 100;

/// A conversation as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Which.
    pub id: Uuid,
    /// What it is called, if anything.
    pub title: Option<String>,
    /// Who began it.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When something was last said; of a new one, when it was begun.
    pub last_message_timestamp: DateTime<Utc>,
    /// The beginning of what was last said.
    pub last_message_content: Option<String>,
    /// Sequence of the newest message; 0 before the first.
    pub last_sequence: i64,
    /// Up to where the caller has read.
    pub last_read_sequence: i64,
    /// How many messages they have not read.
    pub unread_count: i64,
    /// Everybody in it, the longest there first.
    pub members: Vec<Member>,
}

/// Somebody in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    pub user_id: Uuid,
    /// How they want to be called; unknown for a moment after they signed up.
    pub display_name: Option<String>,
    /// Up to where they have read.
    pub last_read_sequence: i64,
}

/// A title: 1-100 characters after trimming.
///
/// # Errors
/// The rule.
pub fn title(value: &Value) -> Ruled<String> {
    fields::text(value, 1, MAX_TITLE)
}

/// Who is to be in it besides who begins it: each once, at most 99.
///
/// # Errors
/// The rule.
pub fn member_ids(value: &Value) -> Ruled<Vec<Uuid>> {
    let mut ids = fields::list(value, MAX_MEMBERS - 1, fields::uuid)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The rule that somebody breaks who is not of the team.
pub fn not_of_the_team(unknown: &[Uuid]) -> String {
    let names: Vec<String> = unknown.iter().map(Uuid::to_string).collect();
    format!("must be people of your team; nobody there is {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_counts_once_and_a_hundred_are_the_most() {
        let id = |n: u128| json!(Uuid::from_u128(n));
        assert_eq!(member_ids(&json!([id(2), id(1), id(2)])), Ok(vec![Uuid::from_u128(1), Uuid::from_u128(2)]));
        let many: Vec<Value> = (0..100).map(id).collect();
        assert_eq!(member_ids(&json!(many)), Err("must have at most 99 entries, has 100".into()));
        assert!(member_ids(&json!(["ada"])).is_err());
    }
}
