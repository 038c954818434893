//! Who is who: people, sessions, client credentials, tokens and their keys.

fn main() {}
