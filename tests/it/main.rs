//! The stories, one module each. Layers are prefixes of the names: `contract_`, `flow_`, `page_`, `chaos_`.

mod story;
mod tasks;
mod workspace;
