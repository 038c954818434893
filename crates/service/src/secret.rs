//! Secrets that we make: 256 random bits, shown once, of which only the SHA-256 is kept.
//!
//! A slow hash is for what people choose; nobody guesses 256 bits, so a fast one gives nothing away.

use std::fmt;

use crate::config::Secret;
use crate::problem::{Problem, Words};
use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

/// A new secret, base64url.
///
/// # Errors
/// When the system gives no random numbers.
pub fn new() -> Result<Secret, Problem> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Problem::internal(Words("the system gives no random numbers".into())))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The SHA-256 of a secret, base64url: what is stored and looked up.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Hashes what someone shows.
    pub fn of(text: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
    }

    /// What no secret hashes to: the other side of a comparison that must take its time and fail.
    pub fn of_nothing() -> Self {
        Self(URL_SAFE_NO_PAD.encode([0; 32]))
    }

    /// As it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// As it is stored.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_256_bits_and_no_two_are_alike() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.reveal()).unwrap().len(), 32);
        assert_ne!(one.reveal(), other.reveal());
    }

    #[test]
    fn only_the_same_secret_matches() {
        let kept = Hash::stored("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0".into());
        assert!(Hash::of("abc").matches(&kept));
        assert!(!Hash::of("abd").matches(&kept));
        assert!(!Hash::of("").matches(&Hash::of_nothing()));
    }
}
