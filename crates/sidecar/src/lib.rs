//! The only door to daprd.
//!
//! Every app reaches infrastructure and every other app through the sidecar beside it, and only through this crate:
//! no other crate names `dapr` or a Dapr URL. One file per building block, in reading order:
//!
//! - [`trace`]: the W3C trace context and correlation id that every call carries
//! - [`error`]: what a call can end in, and which of those mean "not available now"
//! - [`client`]: the connection: ports, token, timeouts, the observer of each call
//! - [`sql`]: the PostgreSQL binding, narrowed to `exec` and `query`
//! - [`publish`], [`state`], [`binding`], [`secret`], [`configuration`], [`job`]: the other building blocks
//! - [`invoke`]: service invocation, streaming both ways
//! - [`health`]: the sidecar's own health and metadata

pub mod binding;
pub mod client;
pub mod configuration;
pub mod error;
pub mod health;
pub mod invoke;
pub mod job;
pub mod publish;
pub mod secret;
pub mod sql;
pub mod state;
pub mod trace;

pub use client::{Call, Config, Observer, Sidecar};
pub use error::{Error, Result};
pub use sql::{Sql, Statement};
pub use trace::{Context, Trace};
