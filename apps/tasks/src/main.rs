//! Tasks and tags: the writes of the to-do product and the events that tell of them.

fn main() {}
