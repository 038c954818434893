//! The one public door to the API: routes, tokens, limits, breakers, documents.

fn main() {}
