//! What a stack tells while it works: one notice whenever a part changes its state.

use std::sync::Arc;
use std::time::Duration;

/// What a part is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not wanted; `start` brings it up.
    Stopped,
    /// Something slow comes first, and this is what: a download, a new data folder.
    Preparing(String),
    /// The process runs and does not answer yet.
    Starting,
    /// It answers.
    Ready,
    /// Held by SIGSTOP until `resume`.
    Paused,
    /// It ended on its own and is started again after this time.
    Ended {
        /// How it ended.
        why: String,
        /// When it is started again.
        again_in: Duration,
    },
}

impl std::fmt::Display for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Stopped => write!(formatter, "stopped"),
            State::Preparing(what) => write!(formatter, "{what}"),
            State::Starting => write!(formatter, "starting"),
            State::Ready => write!(formatter, "ready"),
            State::Paused => write!(formatter, "paused"),
            State::Ended { why, again_in } => write!(formatter, "ended ({why}), started again in {} s", again_in.as_secs()),
        }
    }
}

/// One part's news.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The part's name.
    pub part: String,
    /// What it does from now on.
    pub state: State,
}

/// Who is told.
pub type Progress = Arc<dyn Fn(Notice) + Send + Sync>;

/// For callers that want no news.
pub fn quiet() -> Progress {
    Arc::new(|_| {})
}
