//! Who did what and when, and the letters nobody could handle.

fn main() {}
