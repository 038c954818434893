//! What the parts count, as a scrape reads it.

use anyhow::{Context, Result};

use crate::suite::Suite;

/// The value of a metric, summed over every instance of `app` and every series that has these labels; 0 when nothing was counted yet.
///
/// # Errors
/// When an instance cannot be scraped.
pub async fn total(suite: &Suite, app: &str, name: &str, labels: &[(&str, &str)]) -> Result<f64> {
    let mut sum = 0.0;
    for instance in suite.stack().instances().iter().filter(|instance| instance.app == app) {
        sum += at(suite, instance.app_port, name, labels).await?.unwrap_or_default();
    }
    Ok(sum)
}

/// The value of a metric at one port, summed over every series that has these labels; nothing when there is no such series.
///
/// # Errors
/// When it cannot be scraped.
pub async fn at(suite: &Suite, port: u16, name: &str, labels: &[(&str, &str)]) -> Result<Option<f64>> {
    let mut sum = None;
    for line in scrape(suite, port).await?.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let (found, pairs) = series.split_once('{').unwrap_or((series, ""));
        let has = |(label, value): &(&str, &str)| pairs.contains(&format!("{label}=\"{value}\""));
        if found == name && labels.iter().all(has) {
            sum = Some(sum.unwrap_or(0.0) + value.parse::<f64>().with_context(|| line.to_owned())?);
        }
    }
    Ok(sum)
}

/// Everything that is counted at one port, at one moment.
///
/// # Errors
/// When it cannot be scraped.
pub async fn scrape(suite: &Suite, port: u16) -> Result<String> {
    Ok(suite.client().get(format!("http://127.0.0.1:{port}/metrics")).send().await?.error_for_status()?.text().await?)
}
