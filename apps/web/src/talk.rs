//! Conversations as templates show them: who is in them, what was said, what of it is read.

use chrono::{DateTime, Utc};
use contracts::message::{Message, MessageStatus};
use serde::Deserialize;
use uuid::Uuid;

use crate::view::Moment;
use crate::visitor::Visitor;

/// Most characters of what was last said that a line of the list holds.
const BEGINNING: usize = 120;

/// A conversation as the API answers it.
#[derive(Debug, Deserialize)]
pub struct ApiConversation {
    /// Which.
    pub id: Uuid,
    /// What it is called, if anything.
    pub title: Option<String>,
    /// When something was last said.
    pub last_message_timestamp: DateTime<Utc>,
    /// The beginning of it.
    pub last_message_content: Option<String>,
    /// What the person has not read.
    pub unread_count: i64,
    /// Everybody in it.
    pub members: Vec<ApiMember>,
}

/// Somebody in a conversation as the API answers it.
#[derive(Debug, Deserialize)]
pub struct ApiMember {
    /// Who.
    pub user_id: Uuid,
    /// What they are called; unknown for a moment after they signed up.
    pub display_name: Option<String>,
}

/// Messages as the API answers them.
#[derive(Debug, Deserialize)]
pub struct ApiMessages {
    /// In their order.
    pub items: Vec<Message>,
    /// Whether there are older ones.
    pub has_older: bool,
}

/// A conversation in the list.
pub struct Line {
    /// Which.
    pub id: Uuid,
    /// What it is called, or the others in it.
    pub name: String,
    /// What was last said, in a line.
    pub last: Option<String>,
    /// When.
    pub at: Moment,
    /// What is not read.
    pub unread: i64,
}

/// A message in its conversation.
pub struct Said {
    /// Which.
    pub id: Uuid,
    /// Its place.
    pub sequence: i64,
    /// Who said it.
    pub who: String,
    /// When.
    pub at: Moment,
    /// As typed.
    pub content: String,
    /// Whether it is the person's own and everybody has read it.
    pub read: bool,
}

impl ApiMember {
    /// What they are called.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or("Somebody new")
    }
}

impl ApiConversation {
    /// What it is called: its title, or the names of the others.
    pub fn name(&self, me: Uuid) -> String {
        let others: Vec<&str> = self.members.iter().filter(|member| member.user_id != me).map(ApiMember::name).collect();
        match &self.title {
            Some(title) => title.clone(),
            None if others.is_empty() => "Only you".into(),
            None => others.join(", "),
        }
    }

    /// In the list of `visitor`.
    pub fn line(&self, visitor: &Visitor) -> Line {
        Line {
            id: self.id,
            name: self.name(visitor.person.user.id),
            last: self.last_message_content.as_deref().map(beginning),
            at: Moment::of(self.last_message_timestamp, visitor.zone(), visitor.now()),
            unread: self.unread_count,
        }
    }

    /// Who said something there, also when they left.
    pub fn who(&self, sender: Uuid, me: Uuid) -> String {
        let member = self.members.iter().find(|member| member.user_id == sender);
        match member {
            _ if sender == me => "You".into(),
            Some(member) => member.name().into(),
            None => "Somebody who left".into(),
        }
    }
}

impl Said {
    /// As `visitor` sees it.
    pub fn of(message: Message, who: String, visitor: &Visitor) -> Self {
        Self {
            id: message.id,
            sequence: message.sequence,
            who,
            at: Moment::of(message.created_at, visitor.zone(), visitor.now()),
            read: message.status == MessageStatus::Read && message.sender_id == visitor.person.user.id,
            content: message.content,
        }
    }
}

/// Text as one line, cut where a line ends.
fn beginning(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(BEGINNING) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_without_a_title_is_called_by_the_others() {
        let member =
            |id: u128, name: Option<&str>| ApiMember { user_id: Uuid::from_u128(id), display_name: name.map(str::to_owned) };
        let conversation = |title: Option<&str>, members| ApiConversation {
            id: Uuid::nil(),
            title: title.map(str::to_owned),
            last_message_timestamp: DateTime::UNIX_EPOCH,
            last_message_content: None,
            unread_count: 0,
            members,
        };
        let me = Uuid::from_u128(1);
        let three = || vec![member(1, Some("Ada")), member(2, Some("Ben")), member(3, None)];
        assert_eq!(conversation(Some("Launch"), three()).name(me), "Launch");
        assert_eq!(conversation(None, three()).name(me), "Ben, Somebody new");
        assert_eq!(conversation(None, vec![member(1, Some("Ada"))]).name(me), "Only you");
        let who = |id| conversation(None, three()).who(Uuid::from_u128(id), me);
        assert_eq!([who(1), who(2), who(9)], ["You", "Ben", "Somebody who left"]);
    }

    #[test]
    fn the_beginning_is_one_line_of_whole_characters() {
        assert_eq!(beginning(" two\n  lines "), "two lines");
        assert_eq!(beginning(&"Ω".repeat(200)), format!("{}…", "Ω".repeat(120)));
    }
}
