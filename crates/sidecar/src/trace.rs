//! The trace context and correlation id that every call to the sidecar carries.
//!
//! Trace ids follow W3C Trace Context level 1 (<https://www.w3.org/TR/trace-context/>). The context of the work in hand lives in a
//! task-local: a call made inside [`within`] carries it without being told, so it cannot be forgotten.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

/// One position in a trace: which trace, which span, and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Trace id, shared by every span of one story; never zero.
    pub trace_id: u128,
    /// Span id of the work in hand; never zero.
    pub span_id: u64,
    /// Whether spans of this trace are recorded.
    pub sampled: bool,
}

impl Trace {
    /// Starts a new recorded trace with random ids.
    pub fn root() -> Self {
        Self { trace_id: Uuid::new_v4().as_u128(), span_id: random_span(), sampled: true }
    }

    /// A new span below this one.
    pub fn child(&self) -> Self {
        Self { span_id: random_span(), ..*self }
    }

    /// Reads a `traceparent`. What is malformed or all zero (daprd sends that when its tracing is off) counts as absent.
    pub fn parse(header: &str) -> Option<Self> {
        header.parse().ok()
    }
}

/// The text was not a usable `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct NotATraceparent;

impl FromStr for Trace {
    type Err = NotATraceparent;

    fn from_str(header: &str) -> std::result::Result<Self, NotATraceparent> {
        let mut parts = header.split('-');
        let (Some(version), Some(trace), Some(span), Some(flags)) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotATraceparent);
        };
        let lengths_hold = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        // Only a version that is still to come may have more to say.
        let is_longer = version == "00" && parts.next().is_some();
        if !lengths_hold || is_longer || version == "ff" || !header.is_ascii() {
            return Err(NotATraceparent);
        }
        let trace_id = u128::from_str_radix(trace, 16).map_err(|_| NotATraceparent)?;
        let span_id = u64::from_str_radix(span, 16).map_err(|_| NotATraceparent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotATraceparent)?;
        if trace_id == 0 || span_id == 0 {
            return Err(NotATraceparent);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// What the work in hand belongs to.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where in the trace we are.
    pub trace: Trace,
    /// The id a person can quote: 1-128 of `[A-Za-z0-9._-]`.
    pub correlation_id: Arc<str>,
    /// The event being handled, when the work in hand is its handling.
    pub cause: Option<Uuid>,
}

impl Context {
    /// A context that nobody caused: a new trace, its id also the correlation id.
    pub fn root() -> Self {
        let trace = Trace::root();
        Self { trace, correlation_id: format!("{:032x}", trace.trace_id).into(), cause: None }
    }

    /// A context for work that repeats by the clock: it has ids for the log but leaves no spans, or they would bury the real ones.
    pub fn unrecorded() -> Self {
        let mut context = Self::root();
        context.trace.sampled = false;
        context
    }

    /// The same story, one span deeper.
    pub fn child(&self) -> Self {
        Self { trace: self.trace.child(), ..self.clone() }
    }

    /// The context of the work in hand, or a new root when there is none.
    pub fn current() -> Self {
        Self::try_current().unwrap_or_else(Self::root)
    }

    /// The context of the work in hand, if any.
    pub fn try_current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}

tokio::task_local! {
    static CURRENT: Context;
}

/// Runs `work` with `context` as its own.
pub async fn within<F: Future>(context: Context, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

/// A random span id. Half of a version 4 UUID without its fixed bits would do; folding both halves keeps all 64 random enough.
fn random_span() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    (high ^ low.rotate_left(17)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_back() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Trace::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_zero_or_malformed_counts_as_absent() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-0000000000000000-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(Trace::parse(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn work_sees_the_context_it_runs_within() {
        let context = Context::root();
        let seen = within(context.clone(), async { Context::current().trace }).await;
        assert_eq!(seen, context.trace);
        assert!(Context::try_current().is_none());
    }
}
