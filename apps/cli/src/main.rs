//! The command line: starts the suite on one machine and looks after it.

fn main() {}
