//! Passwords: Argon2id, off the threads that serve, and never more at once than the machine has processors.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use service::Problem;
use service::config::Secret;
use service::problem::Words;
use tokio::sync::Semaphore;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and verifies. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    /// Each hash takes 19 MiB and a processor: a crowd that signs in waits here, not in memory.
    turns: Arc<Semaphore>,
    /// Of a password that nobody has: what an unknown address is compared with.
    decoy: Arc<str>,
}

impl Passwords {
    /// Ready to work.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub async fn new() -> Result<Self, Problem> {
        let turns = std::thread::available_parallelism().map_or(1, usize::from);
        let blank = Self { turns: Arc::new(Semaphore::new(turns)), decoy: "".into() };
        let decoy = blank.hash(crate::secret::new()?).await?;
        Ok(Self { decoy: decoy.into(), ..blank })
    }

    /// The hash to keep, with its salt and its costs (PHC format).
    ///
    /// # Errors
    /// When the hash cannot be made.
    pub async fn hash(&self, password: Secret) -> Result<String, Problem> {
        self.work(move || hash(password.reveal())).await?
    }

    /// Whether `password` is the one that was hashed; without a hash, no, after the same work.
    ///
    /// # Errors
    /// When the work cannot be done.
    pub async fn verify(&self, password: Secret, kept: Option<String>) -> Result<bool, Problem> {
        let (known, decoy) = (kept.is_some(), self.decoy.clone());
        let matches = self.work(move || matches(password.reveal(), kept.as_deref().unwrap_or(&decoy))).await?;
        Ok(known && matches)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _turn = self.turns.acquire().await.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
    }
}

fn hash(password: &str) -> Result<String, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::internal(Words(format!("argon2: {error}")));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| failed(&error))
}

/// The costs are those of the kept hash, so that raising them leaves old accounts working.
fn matches(password: &str, kept: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), kept).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new().await.unwrap();
        let kept = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(Secret::new("correct horse"), Some(kept.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("correct horse "), Some(kept)).await.unwrap());
        assert!(!passwords.verify(Secret::new("correct horse"), None).await.unwrap());
    }
}
