//! What every process is: settings, serve and drain, health, telemetry, problems, callers, outbox, subscribers.
