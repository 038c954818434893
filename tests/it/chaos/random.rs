//! Chance that can be repeated: everything that a test leaves to it comes from one printed seed.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tests::suite::variable;

use super::say;

/// Whose value repeats a run.
const SEED: &str = "CHAOS_SEED";

/// A generator (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The seed of `CHAOS_SEED`, or one of the clock; printed, so that it can be given again.
    pub fn of_run(test: &str) -> Result<(Self, u64)> {
        let seed = match variable(SEED) {
            Some(text) => text.parse().with_context(|| format!("{SEED}={text} is no number"))?,
            None => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis() as u64 % 1_000_000,
        };
        say(&format!("{test}: {SEED}={seed}"));
        Ok((Self::new(seed), seed))
    }

    /// Of a seed.
    pub fn new(seed: u64) -> Self {
        // Small seeds differ in few bits; a zero would stay one.
        Self((seed.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end.max(1)
    }

    /// A time shorter than `end`.
    pub fn millis(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    /// Puts things into an order of its own.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            things.swap(last, other);
        }
    }
}
