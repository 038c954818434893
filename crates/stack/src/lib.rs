//! Starts and stops the real parts from dapr.yaml: PostgreSQL, Redis, Kafka, Zipkin, daprd, apps.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let mut options = stack::Options::new("/path/to/repository", "/tmp/run-1");
//! options.set = stack::Set::Kafka;
//! options.replicas.insert("reminders".to_owned(), 3);
//! options.env.entry("tasks".to_owned()).or_default().insert("OUTBOX_POLL_MS".to_owned(), "100".to_owned());
//! let stack = stack::Stack::start(options, stack::quiet()).await?; // returns when everything is ready
//! stack.front_url();                       // http://localhost:20000: pages, API and /ws
//! stack.postgres_url();                    // the administrator's; schema = app
//! stack.secrets()["outrigger-jwt"]["private-key"].as_str();
//! stack.instance("reminders", 2)?;         // ports, tokens and logs of a pair
//! stack.kill9("tasks-daprd").await?;       // comes back by itself, a second later
//! stack.pause("redis").await?;             // SIGSTOP to the whole tree, until `resume`
//! stack.stop("identity").await?;           // stays away until `start`
//! stack.wait_ready(std::time::Duration::from_secs(10)).await?;
//! stack.smtp_refuse(2);                    // the next two mails are answered 451
//! stack.mails();                           // what was accepted
//! stack.shutdown().await?;                 // everything that was started ends; data stays
//! # Ok(()) }
//! ```
//!
//! Parts by name: `postgres`, `redis`, `kafka`, `zipkin`, `prometheus`, then each app and its sidecar: `tasks`, `tasks-daprd`, and for the second
//! instance `tasks-1`, `tasks-1-daprd` ([`Stack::parts`] lists them). Every part is a process with one supervisor, which starts it
//! again when it ends unasked: after 1 s, doubling to 10 s while it does not stay up. A part waits for no other, so any order heals.
//!
//! Other programs find what runs by `suite.json` in the run directory ([`Running`]); it is there while its launcher is.
//!
//! [`compose`] is the same suite in containers.
//!
//! A stack has threads of its own: it can be shared by tests that each have their own runtime, and dropping it kills what it started.
//! Where the system has `setpriv`, so does a launcher that is killed itself.

mod catcher;
pub mod compose;
mod front;
mod instance;
mod launch;
mod maven;
mod notice;
mod options;
mod part;
mod parts;
mod ports;
mod probe;
mod run_dir;
mod running;
mod secrets;
mod stack;
mod suite;
mod supervisor;
mod tls;
mod tools;
mod topics;
mod tree;

pub use catcher::{Mail, Sms, catch};
pub use instance::Instance;
pub use notice::{Notice, Progress, State, quiet};
pub use options::{KafkaCluster, KafkaNode, Options, Ports, Set, find_root};
pub use running::{Look, Running, RunningInstance};
pub use secrets::Secrets;
pub use stack::Stack;
pub use tools::DAPR_VERSION;
pub use topics::{Topic, create_all as create_topics};
