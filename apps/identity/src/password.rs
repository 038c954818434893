//! Passwords: Argon2id, off the threads that serve, and on no more than half of the processors at once.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};
use aws_lc_rs::constant_time;
use service::config::Secret;
use service::problem::Words;
use service::{Code, Problem};
use tokio::sync::Semaphore;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a hash.
const LENGTH: usize = Params::DEFAULT_OUTPUT_LEN;
/// How long one waits for its turn: less than the callers' own patience, so that nobody is left without an answer while work goes on for them.
const PATIENCE: Duration = Duration::from_secs(3);
/// glibc keeps what is freed below 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`) for the thread that freed it: 19 MiB for each thread that ever
/// hashed. A hundred sign-ups left 650 MB behind.
const RETURNED_AT_ONCE: usize = 33 * 1024 * 1024;

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
        let turns = std::thread::available_parallelism().map_or(1, |processors| usize::from(processors).div_ceil(2));
        let blank = Self { turns: Arc::new(Semaphore::new(turns)), decoy: "".into() };
        let decoy = blank.hash(service::secret::new()?).await?;
        Ok(Self { decoy: decoy.into(), ..blank })
    }

    /// The hash to keep, with its salt and its costs (PHC format).
    ///
    /// # Errors
    /// 429 when too many others wait; when the hash cannot be made.
    pub async fn hash(&self, password: Secret) -> Result<String, Problem> {
        Ok(self.work(move || hash(password.reveal())).await??)
    }

    /// Whether `password` is the one that was hashed; without a hash, no, after the same work.
    ///
    /// # Errors
    /// 429 when too many others wait; when the work cannot be done.
    pub async fn verify(&self, password: Secret, kept: Option<String>) -> Result<bool, Problem> {
        let (known, decoy) = (kept.is_some(), self.decoy.clone());
        let matches = self.work(move || matches(password.reveal(), kept.as_deref().unwrap_or(&decoy))).await??;
        Ok(known && matches)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let crowded = |_| Problem::new(Code::TooManyRequests, "Many people are signing in; nothing was changed.").retry_after(3);
        let _turn = turn.map_err(crowded)?.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
    }
}

/// Of 16 random bytes of salt and today's costs.
fn hash(password: &str) -> Result<String, Failure> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(LENGTH))?;
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&derive(password, &salt, params)?)?),
    };
    Ok(hash.to_string())
}

/// The costs are those of the kept hash, so that raising them leaves old accounts working.
fn matches(password: &str, kept: &str) -> Result<bool, Failure> {
    let kept = PasswordHash::new(kept)?;
    let (Some(salt), Some(expected)) = (kept.salt, kept.hash) else { return Ok(false) };
    let derived = derive(password, &salt, Params::try_from(&kept)?)?;
    Ok(constant_time::verify_slices_are_equal(&derived, expected.as_bytes()).is_ok())
}

fn derive(password: &str, salt: &[u8], params: Params) -> Result<[u8; LENGTH], Failure> {
    // Asking for more than is used: what nobody touches takes no memory, and only a piece this large goes back to the system at once.
    let mut memory = Vec::with_capacity(params.block_count().max(RETURNED_AT_ONCE / Block::SIZE));
    memory.resize(params.block_count(), Block::new());
    let mut derived = [0; LENGTH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password.as_bytes(),
        salt,
        &mut derived,
        memory.as_mut_slice(),
    )?;
    Ok(derived)
}

/// Why a hash could not be made or read.
#[derive(Debug)]
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl From<Failure> for Problem {
    fn from(Failure(cause): Failure) -> Self {
        Self::internal(Words(format!("argon2: {cause}")))
    }
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

    #[tokio::test]
    async fn who_waits_too_long_for_a_turn_is_told_to_come_again() {
        let passwords = Passwords::new().await.unwrap();
        let crowd = passwords.turns.available_permits();
        let held = passwords.turns.acquire_many(u32::try_from(crowd).unwrap()).await.unwrap();
        assert_eq!(passwords.hash(Secret::new("correct horse")).await.unwrap_err().code(), Code::TooManyRequests);
        drop(held);
        assert!(passwords.hash(Secret::new("correct horse")).await.is_ok());
    }

    #[test]
    fn a_hash_of_another_program_with_other_costs_is_understood() {
        // OpenSSL's, by Python's cryptography.
        let kept = "$argon2id$v=19$m=8192,t=1,p=2$c2l4dGVlbiBieXRlcyBvaw$NkSOkc2Ko9+p9pQ0DlyEm42qujCCJ9q2mKaKFxBEcaE";
        assert!(matches("correct horse", kept).unwrap());
        assert!(!matches("correct horses", kept).unwrap());
        assert!(matches("correct horse", "$argon2id$nonsense").is_err());
    }
}
