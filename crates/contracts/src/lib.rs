//! The wire: events, topics and shared request types; no I/O.
