//! The crate against a real daprd, PostgreSQL and Redis: one module a building block.

// Helpers of tests may unwrap only where this says that they are.
#![cfg(test)]

mod binding;
mod configuration;
mod ground;
mod health;
mod invoke;
mod job;
mod outage;
mod peer;
mod publish;
mod reload;
mod secret;
mod sql;
mod state;
mod stream;
mod trace;
