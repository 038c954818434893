//! The harness of the stories: one stack a run, one tenant a test, and verbs of the product.
//!
//! - [`suite`]: the stack that all stories of a run share, started once
//! - [`story`](story()): runs one story in a world of its own and checks at its end that nothing was left in a queue
//! - [`person`]: somebody with a token, who creates, completes and lists
//! - [`page`]: the pages, in a real Chromium
//! - [`socket`]: an open page's WebSocket
//! - [`raw`]: a request as bytes on a socket
//! - [`metrics`]: what the parts count, as a scrape reads it
//! - [`archive`]: images as Docker saves them
//! - [`broker`]: what is on the broker
//! - [`cluster`]: a deployed suite, as kubectl and its front door show it
//! - [`recorder`]: scripts, beside programs that note what they are asked for
//! - [`schemas`]: events, held against their schemas
//! - [`database`]: PostgreSQL as its administrator sees it
//! - [`many`]: more tasks than anybody could write through the API, and how their lists are found
//! - [`zipkin`]: traces, as Zipkin's API gives them
//! - [`eventually`](eventually()): waits for a condition with a patience

pub mod archive;
pub mod broker;
pub mod cluster;
pub mod database;
pub mod eventually;
pub mod many;
pub mod metrics;
pub mod page;
pub mod person;
pub mod raw;
pub mod recorder;
pub mod schemas;
pub mod socket;
pub mod suite;
pub mod zipkin;

pub use eventually::eventually;
pub use person::{Answer, Person};
pub use suite::{Suite, story, story_of};
