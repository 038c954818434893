//! The stories, one module each. Layers are prefixes of the names: `contract_`, `flow_`, `page_`, `chaos_`,
//! and `cluster_` for what a real cluster must show.

mod audit;
mod bad_input;
mod brokers;
mod chaos;
mod cli;
mod cluster;
mod components;
mod compose;
mod credentials;
mod docker;
mod document;
mod documents;
mod doors;
mod events;
mod exposition;
mod failed;
mod guards;
mod invitations;
mod monitoring;
mod notifications;
mod pages;
mod processes;
mod realtime;
mod recurrence;
mod reminders;
mod requirements;
mod schema;
mod scripts;
mod settings;
mod story;
mod sync;
mod tasks;
mod watchers;
mod workflows;
mod workspace;
