//! The noun: what a message may be. No await, no HTTP, no SQL.

use contracts::message::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::fields::Ruled;
use service::{Code, Problem};
use utoipa::ToSchema;

/// Largest content, in bytes of UTF-8.
pub const MAX_CONTENT: usize = 64 * 1024;

/// A message with what its sender is told besides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Finds the trace of the request that sent it; of a repeat, that of the first.
    pub trace_id: String,
}

/// Content: at least one character, none of them NUL (PostgreSQL cannot keep it). It is kept as it was typed.
///
/// # Errors
/// The rule.
pub fn content(value: &Value) -> Ruled<String> {
    match value.as_str() {
        None => Err("must be text".into()),
        Some(text) if text.contains('\0') => Err("must not contain the NUL character".into()),
        Some(text) if text.trim().is_empty() => Err("must say something".into()),
        Some(text) => Ok(text.to_owned()),
    }
}

/// Refuses content over 64 KiB.
///
/// # Errors
/// 413.
pub fn fits(content: &str) -> Result<(), Problem> {
    if content.len() <= MAX_CONTENT {
        return Ok(());
    }
    let detail = format!("A message may have at most {MAX_CONTENT} bytes, this one has {}.", content.len());
    Err(Problem::new(Code::TooLarge, detail).naming("content", "is too long"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_is_kept_as_typed_and_says_something() {
        assert_eq!(content(&json!("  two\n lines ")), Ok("  two\n lines ".into()));
        for wrong in [json!(""), json!(" \n"), json!(7), json!("a\0b")] {
            assert!(content(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limit_counts_bytes() {
        assert!(fits(&"é".repeat(MAX_CONTENT / 2)).is_ok());
        let problem = fits(&"é".repeat(MAX_CONTENT / 2 + 1)).unwrap_err();
        assert_eq!((problem.code(), problem.errors()[0].field.as_str()), (Code::TooLarge, "content"));
    }
}
