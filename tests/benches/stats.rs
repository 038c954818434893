//! Runs two or more ways of doing the same work side by side and keeps how long each took.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::{BoxFuture, try_join_all};

/// One way of doing the work; the number is different in every call.
pub type Way<'a> = Box<dyn Fn(usize) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a>;

/// How long each of many calls took.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The time, in milliseconds, that this share of the calls was within.
    pub fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        sorted.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// Every caller does the work each way in turn for `time`, beginning with another way each round: what disturbs one way disturbs all.
///
/// # Errors
/// When a call fails.
pub async fn alternate<const N: usize>(callers: usize, time: Duration, ways: &[Way<'_>; N]) -> Result<[Samples; N]> {
    let until = Instant::now() + time;
    let caller = async |number: usize| -> Result<[Samples; N]> {
        let mut samples = std::array::from_fn(|_| Samples::default());
        let mut round = number;
        while Instant::now() < until {
            for turn in 0..N {
                let way = (round + turn) % N;
                let began = Instant::now();
                ways[way](round).await?;
                samples[way].add(began.elapsed());
            }
            // No two callers ever have the same number.
            round += callers;
        }
        Ok(samples)
    };
    let mut all: [Samples; N] = std::array::from_fn(|_| Samples::default());
    for samples in try_join_all((0..callers).map(caller)).await? {
        for (sum, one) in all.iter_mut().zip(samples) {
            sum.extend(one);
        }
    }
    Ok(all)
}

/// One way alone, as fast as the callers can, for `time`.
///
/// # Errors
/// When a call fails.
pub async fn alone(callers: usize, time: Duration, way: &Way<'_>) -> Result<(Samples, Duration)> {
    let began = Instant::now();
    let until = began + time;
    let caller = async |number: usize| -> Result<Samples> {
        let mut samples = Samples::default();
        let mut round = number;
        while Instant::now() < until {
            let began = Instant::now();
            way(round).await?;
            samples.add(began.elapsed());
            round += callers;
        }
        Ok(samples)
    };
    let mut all = Samples::default();
    for samples in try_join_all((0..callers).map(caller)).await? {
        all.extend(samples);
    }
    Ok((all, began.elapsed()))
}
