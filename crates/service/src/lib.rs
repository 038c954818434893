//! What every process of the suite is; an app adds its rules and its routes.
//!
//! In reading order:
//!
//! - [`app`]: what an app says of itself, and how it is started
//! - [`config`]: settings, read once, a bad one named
//! - [`serve`]: listen and drain
//! - [`access`]: the middleware of every request: context, access line, metrics, span
//! - [`door`], [`caller`], [`internal`]: the three kinds of door and who may pass
//! - [`problem`], [`fields`], [`request`], [`openapi`]: what is refused, how bodies, queries and ids are read, how it is documented
//! - [`database`], [`migrate`], [`idempotency`]: the app's own schema behind its binding
//! - [`secret`]: what we make and tell once
//! - [`event`], [`outbox`]: events that leave
//! - [`subscribe`]: events that arrive
//! - [`health`], [`metrics`], [`telemetry`], [`clock`]: looking in

pub mod access;
pub mod app;
pub mod caller;
pub mod clock;
pub mod config;
pub mod database;
mod dead_letter;
pub mod door;
pub mod event;
pub mod fields;
pub mod health;
pub mod idempotency;
pub mod internal;
pub mod metrics;
pub mod migrate;
pub mod openapi;
pub mod outbox;
pub mod problem;
pub mod request;
pub mod secret;
pub mod serve;
pub mod subscribe;
pub mod telemetry;

pub use app::{App, Base, Parts, main};
pub use caller::Caller;
pub use clock::Clock;
pub use database::Database;
pub use problem::{Code, Problem};
