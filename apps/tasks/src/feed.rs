//! The key of a calendar feed: 256 random bits, told once, of which only the SHA-256 is kept. No await, no HTTP, no SQL.
//!
//! A slow hash is for what people choose; nobody guesses 256 bits, so a fast one gives nothing away, and a key is found by it.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use service::Problem;
use service::config::Secret;
use service::problem::Words;

/// How long a completed task stays in the feed: a calendar goes on showing the month that has just passed.
pub const COMPLETED_FOR: TimeDelta = TimeDelta::days(30);

/// A new key, base64url.
///
/// # Errors
/// When the system gives no random numbers.
pub fn key() -> Result<Secret, Problem> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Problem::internal(Words("the system gives no random numbers".into())))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The SHA-256 of a text, base64url.
pub fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}
