//! The stack with the real PostgreSQL, Redis, Kafka and daprd, and a stand-in for the apps.

// Helpers of tests may unwrap only where this says that they are.
#![cfg(test)]

mod cloud;
mod components;
mod faults;
mod front;
mod kafka;
mod mail;
mod scheduler;
mod secrets;
mod support;
mod twice;
