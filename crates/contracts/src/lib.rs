//! The wire: every word that more than one app says. No I/O.
//!
//! - [`event`]: the base that every event extends, and the CloudEvent around it
//! - [`topic`]: topics, who owns them, and the component that carries each
//! - [`task`], [`reminder`], [`user`], [`message`], [`update`]: the events of each topic
//! - [`dead_letter`]: an event that nobody could handle, with the reason
//! - [`token`]: the claims of an access token
//! - [`page`]: one page of a list

pub mod dead_letter;
pub mod event;
pub mod message;
pub mod page;
pub mod reminder;
pub mod task;
pub mod token;
pub mod topic;
pub mod update;
pub mod user;

pub use event::{CloudEvent, Event, Metadata, Topic};
pub use page::Page;
