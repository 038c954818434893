//! The stories, one module each. Layers are prefixes of the names: `contract_`, `flow_`, `page_`, `chaos_`.

mod bad_input;
mod chaos;
mod cli;
mod components;
mod doors;
mod guards;
mod notifications;
mod pages;
mod reminders;
mod requirements;
mod story;
mod tasks;
mod workspace;
