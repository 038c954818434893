//! What a person reads: the title, when it is due where they are, and the way to the task.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::channel::Channel;

/// Longest title in a subject or a text message; the whole one is in the page.
const SHORT: usize = 80;

/// One reminder in words.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    /// The reminder.
    pub reminder_id: Uuid,
    /// The task's title, as typed.
    pub title: &'a str,
    /// One sentence with the due time where the person is.
    pub body: &'a str,
    /// The way to the task.
    pub link: &'a str,
}

/// One sentence with the due time in the person's zone; of a zone that nobody knows, in UTC.
pub fn due_sentence(due_at: DateTime<Utc>, zone: &str) -> String {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    let local = due_at.with_timezone(&zone);
    let abbreviation = local.format("%Z").to_string();
    let name = if zone.name() == abbreviation { abbreviation } else { format!("{abbreviation}, {}", zone.name()) };
    format!("Due {} ({name}).", local.format("%A, %-d %B %Y, %H:%M"))
}

/// The way to a task.
pub fn link(public_url: &str, task_id: Uuid) -> String {
    format!("{}/app/tasks/{task_id}", public_url.trim_end_matches('/'))
}

impl Text<'_> {
    /// Subject of the mail: one line.
    pub fn subject(&self) -> String {
        format!("Reminder: {}", short(&one_line(self.title)))
    }

    /// The mail. The component sends every body as HTML, so what a person typed is escaped; the last line tells two mails apart.
    pub fn html(&self) -> String {
        let Self { reminder_id, title, body, link } = self;
        let (title, body, link) = (escape(title), escape(body), escape(link));
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Reminder</title></head>\n<body>\n\
             <h1>{title}</h1>\n<p>{body}</p>\n<p><a href=\"{link}\">{link}</a></p>\n<hr>\n<p>ref: {reminder_id}-{}</p>\n</body></html>\n",
            Channel::Email
        )
    }

    /// The text message.
    pub fn message(&self) -> String {
        format!("{}. {} {}", short(&one_line(self.title)), self.body, self.link)
    }
}

/// Line breaks and other control characters become spaces.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn short(text: &str) -> String {
    if text.chars().count() <= SHORT {
        return text.to_owned();
    }
    text.chars().take(SHORT - 1).chain(['…']).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn text<'a>(title: &'a str, body: &'a str) -> Text<'a> {
        Text { reminder_id: Uuid::nil(), title, body, link: "http://localhost:7100/app/tasks/7" }
    }

    #[test]
    fn the_due_time_is_the_one_on_the_persons_wall() {
        assert_eq!(
            due_sentence(at("2026-03-01T13:00:00Z"), "Europe/Berlin"),
            "Due Sunday, 1 March 2026, 14:00 (CET, Europe/Berlin)."
        );
        assert_eq!(
            due_sentence(at("2026-07-01T13:00:00Z"), "Europe/Berlin"),
            "Due Wednesday, 1 July 2026, 15:00 (CEST, Europe/Berlin)."
        );
        assert_eq!(
            due_sentence(at("2026-03-01T23:30:00Z"), "Asia/Kolkata"),
            "Due Monday, 2 March 2026, 05:00 (IST, Asia/Kolkata)."
        );
        assert_eq!(due_sentence(at("2026-03-01T13:00:00Z"), "UTC"), "Due Sunday, 1 March 2026, 13:00 (UTC).");
        assert_eq!(due_sentence(at("2026-03-01T13:00:00Z"), "Middle/Earth"), "Due Sunday, 1 March 2026, 13:00 (UTC).");
    }

    #[test]
    fn what_was_typed_is_shown_and_not_run() {
        let html = text("<b>Bär & \"Sohn\"</b> 報告書", "Due.").html();
        assert!(html.contains("<h1>&lt;b&gt;Bär &amp; &quot;Sohn&quot;&lt;/b&gt; 報告書</h1>"), "{html}");
        assert!(html.contains("<a href=\"http://localhost:7100/app/tasks/7\">"));
        assert!(html.contains(&format!("ref: {}-email", Uuid::nil())));
    }

    #[test]
    fn a_title_cannot_write_headers() {
        assert_eq!(text("a\r\nBcc: b@c", "").subject(), "Reminder: a  Bcc: b@c");
        assert_eq!(text(&"ä".repeat(200), "").subject().chars().count(), "Reminder: ".len() + SHORT);
    }

    #[test]
    fn a_text_message_is_one_line() {
        assert_eq!(text("Submit\nreport", "Due now.").message(), "Submit report. Due now. http://localhost:7100/app/tasks/7");
    }

    #[test]
    fn the_link_leads_to_the_task() {
        assert_eq!(link("https://example.org/", Uuid::nil()), format!("https://example.org/app/tasks/{}", Uuid::nil()));
    }
}
