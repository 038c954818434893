//! What every process is, shown with a small app (`examples/probe.rs`) beside real daprds, PostgreSQL, Redis and Kafka.

// Helpers of tests may unwrap only where this says that they are.
#![cfg(test)]

mod access;
mod caller;
mod door;
mod ground;
mod health;
mod issuer;
mod kafka;
mod migrate;
mod outage;
mod outbox;
mod problem;
mod settings;
mod subscribe;
mod subscriptions;
