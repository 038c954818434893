//! The harness and the proofs: every story against the real parts.
