//! What a call to the sidecar can end in.

use std::time::Duration;

/// The result of a call to the sidecar.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call to the sidecar did not give what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer: refused, cut off, or a 502-504. Whether the work was done is not known.
    #[error("{call}: no answer: {detail}")]
    NoAnswer {
        /// Which building block and name, such as `sql database-tasks`.
        call: String,
        /// For the log only.
        detail: String,
    },
    /// No answer within the time allowed. Whether the work was done is not known.
    #[error("{call}: no answer within {limit:?}")]
    TimedOut {
        /// Which building block and name.
        call: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The database refused the statement.
    #[error("{statement}: SQLSTATE {sqlstate}: {detail}")]
    Database {
        /// Name of the [`crate::Statement`].
        statement: String,
        /// Five characters, PostgreSQL appendix A.
        sqlstate: String,
        /// The violated constraint, when the message names one.
        constraint: Option<String>,
        /// For the log only.
        detail: String,
    },
    /// A read did not return exactly one row of one text. daprd answers 200 with `[]` when a `query` fails while running.
    #[error("{statement}: expected one row of one text, got {got}")]
    NoRow {
        /// Name of the [`crate::Statement`].
        statement: String,
        /// What came instead.
        got: String,
    },
    /// The etag was stale, or the key existed already for a create.
    #[error("{call}: the stored value is another")]
    Conflict {
        /// Which building block and name.
        call: String,
    },
    /// The message is larger than the broker takes, whenever it is sent.
    #[error("{call}: too large: {detail}")]
    TooLarge {
        /// Which building block and name.
        call: String,
        /// For the log only.
        detail: String,
    },
    /// daprd or the component answered with an error.
    #[error("{call}: refused with {status}: {detail}")]
    Refused {
        /// Which building block and name.
        call: String,
        /// HTTP status or gRPC code, as text.
        status: String,
        /// For the log only.
        detail: String,
    },
    /// The answer or the request could not be encoded or decoded.
    #[error("{call}: {detail}")]
    Malformed {
        /// Which building block and name.
        call: String,
        /// For the log only.
        detail: String,
    },
    /// A path segment that must never be forwarded (see [`crate::invoke::Path`]).
    #[error("the path may not be forwarded: {0}")]
    HostilePath(String),
}

/// Whether these words of daprd's are known: all pieces of one of the known stand in them.
pub(crate) fn is_known(words: &str, known: &[&[&str]]) -> bool {
    known.iter().any(|pieces| pieces.iter().all(|piece| words.contains(piece)))
}

impl Error {
    /// True when nothing is wrong with the request: the same call may succeed later, and it says nothing about the event or body in hand.
    ///
    /// SQLSTATE classes: 08 connection, 40 rollback, 53 resources, 57 operator intervention (statement timeouts included).
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::TimedOut { .. } => true,
            Self::Database { sqlstate, .. } => ["08", "40", "53", "57"].iter().any(|class| sqlstate.starts_with(class)),
            Self::NoRow { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::HostilePath(_) => false,
        }
    }

    /// The violated constraint, when the database named one.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database { constraint, .. } => constraint.as_deref(),
            _ => None,
        }
    }

    /// The SQLSTATE, when the database refused.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Database { sqlstate, .. } => Some(sqlstate),
            _ => None,
        }
    }

    /// Translates a gRPC status. Only `Unavailable`, `DeadlineExceeded` and `Cancelled` say nothing about the request.
    pub(crate) fn from_status(call: &str, status: &tonic::Status) -> Self {
        use tonic::Code;
        let (call, detail) = (call.to_owned(), status.message().to_owned());
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::NoAnswer { call, detail },
            Code::Aborted => Self::Conflict { call },
            code => Self::Refused { call, status: format!("{code:?}"), detail },
        }
    }

    /// Translates a transport failure of an HTTP call.
    pub(crate) fn from_http(call: &str, error: &reqwest::Error, limit: Duration) -> Self {
        let call = call.to_owned();
        if error.is_timeout() { Self::TimedOut { call, limit } } else { Self::NoAnswer { call, detail: format!("{error:?}") } }
    }
}
