//! The socket: each change of a person's data to each of their open pages.

fn main() {}
