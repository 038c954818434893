//! When a person wants to be told of a task, and the claim that tells them once.

fn main() {}
