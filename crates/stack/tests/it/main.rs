//! The stack with the real PostgreSQL, Redis, Kafka and daprd, and a stand-in for the apps.

mod faults;
mod front;
mod kafka;
mod mail;
mod support;
mod twice;
