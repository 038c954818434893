//! Log lines and spans, each tied to the work in hand.

mod log;
mod zipkin;

pub use log::init;
pub use zipkin::{Kind, Span, Spans};
