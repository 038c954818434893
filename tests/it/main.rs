//! The stories, one module each. Layers are prefixes of the names: `contract_`, `flow_`, `page_`, `chaos_`.

mod tasks;
mod workspace;
