//! What becomes of a form when somebody else changed the task while it was open.

use chrono_tz::Tz;
use contracts::task::{RecurrencePattern, Task};
use sha2::{Digest, Sha256};

use super::TaskForm;
use crate::repeat;

/// Labels of the controls, in the order of their marks.
const LABELS: [&str; 8] = ["Title", "Description", "Due", "Reminder", "Priority", "Status", "Tags", "Repeat"];

impl TaskForm {
    /// What was typed, over a newer stored state: what the person left alone follows the others, what both changed is said. The next
    /// save is a save of this version.
    pub fn over(self, task: &Task, zone: Tz) -> Self {
        let theirs = Self::of_task(task, zone);
        let (mine, stored, base) = (self.texts(), theirs.texts(), self.base.clone());
        let marks: Vec<&str> = base.split(',').collect();
        let since = |index: usize, text: &str| marks.get(index) != Some(&mark(text).as_str());
        let touched = |index: usize| since(index, &mine[index]);
        let clash = |index: &usize| touched(*index) && since(*index, &stored[*index]) && mine[*index] != stored[*index];
        let said: Vec<String> = (0..LABELS.len()).filter(clash).map(|index| said(LABELS[index], &stored[index])).collect();
        let pick = |index: usize, mine: String, theirs: String| if touched(index) { mine } else { theirs };
        Self {
            title: pick(0, self.title, theirs.title),
            description: pick(1, self.description, theirs.description),
            due: pick(2, self.due, theirs.due),
            reminder: if touched(3) { self.reminder } else { theirs.reminder },
            priority: pick(4, self.priority, theirs.priority),
            status: pick(5, self.status, theirs.status),
            tags: pick(6, self.tags, theirs.tags),
            repeat: if touched(7) { self.repeat } else { theirs.repeat },
            version: theirs.version,
            base: theirs.base,
            elsewhere: if said.is_empty() { None } else { Some(said.join(" ")) },
            ..self
        }
    }

    /// What each control says, in the order of [`LABELS`].
    fn texts(&self) -> [String; 8] {
        let reminder = match self.reminder.minutes() {
            Ok(minutes) => minutes.map_or_else(|| "Off".to_owned(), crate::reminder::words),
            Err(_) => format!("{} {}", self.reminder.number, self.reminder.unit),
        };
        let text = |text: &str| text.trim().to_owned();
        let tags = self.tag_names().join(", ");
        let read = self.repeat.pattern().map(serde_json::from_value::<RecurrencePattern>);
        let repeat = match read {
            None => "Never".to_owned(),
            Some(Ok(pattern)) => repeat::words(&pattern) + &repeat::end_words(&pattern),
            Some(Err(_)) => format!("{:?}", self.repeat),
        };
        let [title, description, due] = [&self.title, &self.description, &self.due].map(|field| text(field));
        [title, description, due, reminder, text(&self.priority), text(&self.status), tags, repeat]
    }

    /// Of each control, whether it says the same: enough to tell what a person changed from what they were shown.
    pub(super) fn marks(&self) -> String {
        self.texts().map(|text| mark(&text)).join(",")
    }
}

/// Enough of a hash to tell two values of one field apart.
fn mark(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// What a control says now that somebody else changed it.
fn said(label: &str, text: &str) -> String {
    match text {
        "" => format!("{label} is now empty."),
        text if text.chars().count() > 80 => format!("{label} is now another text."),
        text => format!(
            "{label} is now “{}”.",
            text.replace('T', if label == "Due" { " " } else { "T" }).replace("in_progress", "in progress")
        ),
    }
}

#[cfg(test)]
mod tests {
    use contracts::task::Priority;
    use serde_json::{Value, json};

    use super::super::sample::task;
    use super::*;

    #[test]
    fn what_others_changed_is_kept_and_only_what_both_changed_is_said() {
        let mine = TaskForm { title: "Mine".into(), due: String::new(), ..TaskForm::of_task(&task(), Tz::UTC) };
        let elsewhere = Task { priority: Priority::Low, description: Some("New".into()), version: 4, ..task() };
        let merged = mine.clone().over(&elsewhere, Tz::UTC);
        assert_eq!((merged.elsewhere.as_deref(), merged.version), (None, 4));
        let changes = Value::from(merged.changes(&elsewhere, Tz::UTC).0);
        assert_eq!(changes, json!({ "title": "Mine", "due_at": null, "reminder_offset_minutes": null }));

        let clash = mine.over(&Task { title: "Theirs".into(), priority: Priority::Low, version: 5, ..task() }, Tz::UTC);
        assert_eq!(clash.elsewhere.as_deref(), Some("Title is now “Theirs”."));
        assert_eq!((clash.title.as_str(), clash.priority.as_str()), ("Mine", "low"));
    }
}
