//! `/invitations`: how the people of a tenant let others in.

pub mod list;
pub mod make;
pub mod revoke;
