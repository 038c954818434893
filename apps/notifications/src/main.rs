//! How a person is told: in the page, by mail, by SMS, each once.

fn main() {}
