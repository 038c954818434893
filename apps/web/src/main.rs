//! The pages: server-rendered HTML over the other apps' APIs.

fn main() {}
