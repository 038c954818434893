//! How long the next date of a pattern takes, here and with python-dateutil, for the same ten thousand patterns in one run:
//! `cargo bench -p calendar`.
//!
//! Both sides count from what was read from JSON to the instant in words; neither start nor pipe of Python is part of it.

#![expect(clippy::unwrap_used, reason = "a figure that cannot be had shall end the run")]

#[path = "../tests/second_opinion/asked.rs"]
mod asked;

use std::io::Write;
use std::time::Instant;

use calendar::Calendar;
use chrono::SecondsFormat;

use crate::asked::{Asked, PATTERNS, asked, theirs};

/// Turns of each side, one after the other; the fastest of each counts, since what neighbours take only makes slower.
const TURNS: usize = 5;

/// The next date in words, or nothing when a date ends the series.
fn next((pattern, after): &Asked) -> Vec<String> {
    let dates = Calendar::of(pattern).unwrap().after(*after, 1).unwrap();
    dates.iter().map(|date| date.to_rfc3339_opts(SecondsFormat::Secs, true)).collect()
}

fn main() -> std::io::Result<()> {
    let asked = asked();
    let (mut fastest, mut different) = ([f64::MAX; 2], 0);
    for _ in 0..TURNS {
        let began = Instant::now();
        let ours: Vec<Vec<String>> = asked.iter().map(next).collect();
        let seconds = began.elapsed().as_secs_f64();
        let (theirs, their_seconds) = theirs(&asked, 1);
        fastest = [fastest[0].min(seconds), fastest[1].min(their_seconds)];
        different += ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
    }
    let [ours, theirs] = fastest.map(|seconds| seconds * 1e6 / PATTERNS as f64);
    writeln!(
        std::io::stdout(),
        "next date of {PATTERNS} patterns: {ours:.1} µs each, python-dateutil {theirs:.1} µs, {:.1} times as long; {different} differences",
        theirs / ours
    )?;
    assert_eq!(different, 0);
    Ok(())
}
