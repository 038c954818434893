//! Waits for a condition with a patience; never for a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often the condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Asks until there is something, at most `patience`; the last reason why not is part of the failure.
///
/// # Errors
/// When patience ran out.
pub async fn eventually<T>(what: &str, patience: Duration, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        let reason = match ask().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => "not yet".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if begun.elapsed() >= patience {
            bail!("{what}: not within {patience:?}: {reason}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
