//! Settings of its own.

use std::time::Duration;

use service::config::{Environment, FromEnvironment};

/// What realtime is told at start.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often a page is asked whether it is there.
    pub ping_every: Duration,
    /// How long a page may stay silent.
    pub silence: Duration,
    /// Frames that may wait for one slow page.
    pub queue: usize,
}

impl FromEnvironment for Settings {
    fn read(environment: &mut Environment) -> Self {
        let ping: u64 = environment.get("SOCKET_PING_SECONDS", 20, "how often a page is asked whether it is there, seconds");
        let silence: u64 = environment.get("SOCKET_SILENCE_SECONDS", 60, "how long a page may stay silent, seconds");
        let queue: usize = environment.get("SOCKET_QUEUE", 256, "frames that may wait for one slow page");
        if ping == 0 || silence <= ping {
            environment.refuse("SOCKET_SILENCE_SECONDS", "must be longer than SOCKET_PING_SECONDS, which is at least 1");
        }
        if queue == 0 {
            environment.refuse("SOCKET_QUEUE", "must be at least 1");
        }
        Self { ping_every: Duration::from_secs(ping.max(1)), silence: Duration::from_secs(silence), queue: queue.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_must_be_asked_before_it_is_given_up() {
        let mut environment = Environment::of([("SOCKET_PING_SECONDS".into(), "60".into())]);
        Settings::read(&mut environment);
        assert_eq!(environment.problems().len(), 1);
        assert!(Environment::default().problems().is_empty());
    }
}
