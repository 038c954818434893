//! Traces, as Zipkin's API gives them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::suite::Suite;

/// One span.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its id.
    pub id: String,
    /// The span above it.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// What was done.
    #[serde(default)]
    pub name: String,
    /// `SERVER`, `CLIENT`, `PRODUCER` or `CONSUMER`.
    #[serde(default)]
    pub kind: Option<String>,
    /// Who did it.
    #[serde(default)]
    pub local_endpoint: Endpoint,
    /// What else is known.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// App id.
    #[serde(default)]
    pub service_name: String,
}

/// One trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its spans.
    pub spans: Vec<Span>,
}

impl Trace {
    /// What Zipkin knows of a trace so far.
    ///
    /// # Errors
    /// When Zipkin does not answer or does not know it.
    pub async fn read(suite: &Suite, trace_id: &str) -> Result<Self> {
        let zipkin = suite.stack().zipkin_url().context("Zipkin is on")?;
        let response = suite.client().get(format!("{zipkin}/api/v2/trace/{trace_id}")).send().await?.error_for_status()?;
        Ok(Self { spans: response.json().await? })
    }

    /// The first span of an app whose name contains `name`.
    pub fn find(&self, service: &str, name: &str) -> Option<&Span> {
        self.all(service, name).first().copied()
    }

    /// Every span of an app whose name contains `name` (Zipkin keeps names in lower case).
    pub fn all(&self, service: &str, name: &str) -> Vec<&Span> {
        let name = name.to_lowercase();
        self.spans.iter().filter(|span| span.local_endpoint.service_name == service && span.name.contains(&name)).collect()
    }

    /// Whether `span` lies below `ancestor`, at any depth.
    pub fn is_below(&self, span: &Span, ancestor: &Span) -> bool {
        let mut above = span.parent_id.clone();
        // A trace is a tree, but what was reported of it may not be: never more steps than spans.
        for _ in 0..=self.spans.len() {
            match above {
                Some(id) if id == ancestor.id => return true,
                Some(id) => above = self.spans.iter().find(|span| span.id == id).and_then(|span| span.parent_id.clone()),
                None => return false,
            }
        }
        false
    }

    /// One line a span, for the message of a failed test.
    pub fn outline(&self) -> String {
        let line = |span: &Span| {
            format!(
                "{} {} {} <- {}",
                span.local_endpoint.service_name,
                span.name,
                span.id,
                span.parent_id.as_deref().unwrap_or("-")
            )
        };
        self.spans.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
