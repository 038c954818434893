//! One line a part: moving on a terminal, a line for each change elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stack::{Notice, Progress, State};

/// What is on the screen.
#[derive(Clone)]
pub(crate) struct Screen {
    screen: Option<MultiProgress>,
    lines: Arc<Mutex<BTreeMap<String, ProgressBar>>>,
    /// After the start only troubles and recoveries are news.
    settled: Arc<AtomicBool>,
}

impl Screen {
    /// Plain lines where no terminal is, or where logs run through it.
    pub fn new(logs: bool) -> Self {
        let terminal = std::io::stdout().is_terminal() && !logs;
        Self { screen: terminal.then(MultiProgress::new), lines: Arc::default(), settled: Arc::default() }
    }

    /// Where a stack tells its news.
    pub fn progress(&self) -> Progress {
        let screen = self.clone();
        Arc::new(move |notice| screen.show(&notice))
    }

    /// The start is over: what is on the screen stays, and news come below.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
        for line in self.lines.lock().unwrap_or_else(PoisonError::into_inner).values() {
            line.abandon();
        }
    }

    fn show(&self, notice: &Notice) {
        match &self.screen {
            Some(screen) if !self.settled.load(Ordering::Relaxed) => self.line(screen, notice),
            _ => {
                let _ = writeln!(std::io::stdout(), "{:<22} {}", notice.part, notice.state);
            }
        }
    }

    fn line(&self, screen: &MultiProgress, notice: &Notice) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(notice.part.clone()).or_insert_with(|| {
            let line = screen.add(ProgressBar::new_spinner());
            line.enable_steady_tick(Duration::from_millis(120));
            line
        });
        let (template, rests) = match notice.state {
            State::Ready => ("  \x1b[32m●\x1b[0m {prefix:<22} {msg}", true),
            State::Ended { .. } => ("  \x1b[31m●\x1b[0m {prefix:<22} {msg}", true),
            State::Stopped => ("  ○ {prefix:<22} {msg}", true),
            _ => ("  {spinner} {prefix:<22} {msg}", false),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            line.set_style(style);
        }
        line.set_prefix(notice.part.clone());
        line.set_message(notice.state.to_string());
        if rests {
            line.disable_steady_tick();
        } else {
            line.enable_steady_tick(Duration::from_millis(120));
        }
        line.tick();
    }
}
