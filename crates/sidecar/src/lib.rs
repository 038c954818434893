//! The only door to daprd: publish, state, SQL, bindings, secrets, jobs, service invocation.
