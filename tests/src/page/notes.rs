//! What a browser notes against the pages it shows: errors in the console, broken policy, requests to somebody else.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::Value;
use thirtyfour::WebDriver;

/// What is no complaint.
#[derive(Debug, Default)]
pub struct Notes {
    forgiven: Mutex<Vec<String>>,
}

impl Notes {
    /// A message that holds `text` is expected.
    pub(super) fn forgive(&self, text: &str) {
        self.forgiven.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    /// Everything since the last time.
    pub(super) async fn read(&self, driver: &WebDriver, origin: &str) -> Result<Vec<String>> {
        let mut complaints = Vec::new();
        for entry in driver.get_log("browser").await? {
            if matches!(entry.level.as_str(), "SEVERE" | "WARNING") {
                complaints.push(format!("console: {} {}", entry.level, entry.message));
            }
        }
        for entry in driver.get_log("performance").await? {
            let event: Value = serde_json::from_str(&entry.message)?;
            if let Some(url) = requested(&event["message"]).filter(|url| !is_ours(url, origin)) {
                complaints.push(format!("asked from another host: {url}"));
            }
        }
        let forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.retain(|complaint| !forgiven.iter().any(|text| complaint.contains(text)));
        Ok(complaints)
    }
}

/// The address that an event of the browser's network says is asked for.
fn requested(event: &Value) -> Option<&str> {
    match event["method"].as_str()? {
        "Network.requestWillBeSent" => event["params"]["request"]["url"].as_str(),
        "Network.webSocketCreated" => event["params"]["url"].as_str(),
        _ => None,
    }
}

fn is_ours(url: &str, origin: &str) -> bool {
    let socket = origin.replacen("http", "ws", 1);
    let below = |origin: &str| url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'));
    // The browser's own first tab is none of ours.
    below(origin)
        || below(&socket)
        || ["data:", "about:", "chrome:", "chrome-untrusted:"].iter().any(|scheme| url.starts_with(scheme))
}
