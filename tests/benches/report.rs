//! The table: what was measured, against which goal, and how it came out.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};

use crate::machine;

/// Between these lines of the document stands what the bench writes; the words around them are a person's.
const BEGIN: &str = "<!-- figures: written by `cargo bench -p tests` -->";
const END: &str = "<!-- end of figures -->";

/// Which side of its goal a figure shall be on.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Not above.
    Most(f64),
    /// Not below.
    Least(f64),
    /// Told for the reader; nothing is promised.
    None,
}

#[derive(Debug)]
struct Line {
    what: String,
    value: f64,
    unit: &'static str,
    goal: Goal,
    detail: String,
}

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    lines: Vec<Line>,
    /// How busy the machine was with other things.
    load: String,
}

impl Report {
    /// Nothing measured yet.
    pub fn new() -> Self {
        Self { lines: Vec::new(), load: machine::load() }
    }

    /// Adds a figure with what it was made of.
    pub fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str, goal: Goal, detail: impl Into<String>) {
        self.lines.push(Line { what: what.into(), value, unit, goal, detail: detail.into() });
    }

    /// As Markdown.
    pub fn table(&self) -> String {
        let mut lines = vec!["| what | figure | goal | | of which |".to_owned(), "| --- | ---: | ---: | --- | --- |".to_owned()];
        lines.extend(self.lines.iter().map(Line::row));
        lines.join("\n")
    }

    /// Puts the table into the document.
    ///
    /// # Errors
    /// When the document has no place for it.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (before, rest) = text.split_once(BEGIN).context("the document has a place for the figures")?;
        let (_, after) = rest.split_once(END).context("the place for the figures ends")?;
        let day = DateTime::<Utc>::from(SystemTime::now()).format("%-d %B %Y");
        let on = format!("{day}, {}, load average {} before the run; `cargo bench -p tests`.", machine::describe(), self.load);
        Ok(std::fs::write(path, format!("{before}{BEGIN}\n{on}\n\n{}\n{END}{after}", self.table()))?)
    }
}

impl Line {
    fn row(&self) -> String {
        let Self { what, value, unit, detail, .. } = self;
        let (goal, verdict) = match self.goal {
            Goal::Most(most) => (format!("≤ {most}{unit}"), verdict(*value <= most, *value, most)),
            Goal::Least(least) => (format!("≥ {least}{unit}"), verdict(*value >= least, *value, least)),
            Goal::None => (String::new(), String::new()),
        };
        let figure = if *value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        format!("| {what} | {figure}{unit} | {goal} | {verdict} | {detail} |")
    }
}

fn verdict(met: bool, value: f64, goal: f64) -> String {
    if met { "met".to_owned() } else { format!("**missed by {:.0} %**", ((value - goal) / goal * 100.0).abs()) }
}

/// What carries the events of a set.
pub fn broker(set: stack::Set) -> &'static str {
    match set {
        stack::Set::Local => "Redis",
        stack::Set::Kafka | stack::Set::Cloud => "Kafka",
    }
}
