//! The arithmetic of a limit: a sliding window of one minute, made of this minute's count and the fading rest of the one before.

use std::time::Duration;

/// The window.
pub const WINDOW: Duration = Duration::from_secs(60);

/// What is known when a request arrives; `current` has counted it already.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Requests a minute.
    pub limit: u32,
    /// Count of the minute before.
    pub previous: u64,
    /// Count of this minute.
    pub current: u64,
    /// How much of this minute has passed.
    pub elapsed: Duration,
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whether this request may pass.
    pub allowed: bool,
    /// Requests a minute.
    pub limit: u32,
    /// Requests still free now.
    pub remaining: u32,
    /// Seconds until one passes again, or until the window has moved on.
    pub reset: u64,
}

impl Window {
    /// Decides.
    pub fn quota(&self) -> Quota {
        let left = WINDOW.saturating_sub(self.elapsed).as_secs_f64();
        let used = self.previous as f64 * left / WINDOW.as_secs_f64() + self.current as f64;
        let free = f64::from(self.limit) - used;
        if free >= 0.0 {
            return Quota { allowed: true, limit: self.limit, remaining: free as u32, reset: left.ceil() as u64 };
        }
        Quota { allowed: false, limit: self.limit, remaining: 0, reset: (self.wait().ceil() as u64).max(1) }
    }

    /// Seconds until one more request would pass, if nobody else asks.
    fn wait(&self) -> f64 {
        let (window, elapsed) = (WINDOW.as_secs_f64(), self.elapsed.as_secs_f64());
        let room = f64::from(self.limit) - 1.0;
        let current = self.current as f64;
        if current <= room {
            // Enough of the minute before fades while this minute lasts.
            return window * (1.0 - (room - current) / self.previous as f64) - elapsed;
        }
        // In the next minute, this one is the minute before.
        window - elapsed + window * (1.0 - room.max(0.0) / current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(previous: u64, current: u64, seconds: u64) -> Quota {
        Window { limit: 60, previous, current, elapsed: Duration::from_secs(seconds) }.quota()
    }

    #[test]
    fn the_sixty_first_of_a_minute_is_refused() {
        assert_eq!(at(0, 60, 10), Quota { allowed: true, limit: 60, remaining: 0, reset: 50 });
        assert!(!at(0, 61, 10).allowed);
    }

    #[test]
    fn the_edge_of_a_minute_gives_no_second_burst() {
        // 60 at the end of a minute: in the first second of the next there is room for one, after half of it for half.
        assert!(at(60, 1, 1).allowed);
        assert!(!at(60, 2, 1).allowed);
        assert!(at(60, 30, 30).allowed);
        assert!(!at(60, 31, 30).allowed);
    }

    #[test]
    fn who_waits_as_told_passes() {
        for (previous, current, elapsed) in [(0, 61, 10), (60, 31, 30), (60, 2, 1), (100, 5, 0), (0, 500, 59), (3, 61, 0)] {
            let refused = at(previous, current, elapsed);
            assert!(!refused.allowed);
            let then = elapsed + refused.reset;
            let later = if then < 60 { at(previous, current + 1, then) } else { at(current, 1, then - 60) };
            assert!(then >= 120 || later.allowed, "{previous} {current} {elapsed} waits {}", refused.reset);
            assert!(refused.reset <= 120);
        }
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_pass() {
        assert!(!Window { limit: 0, previous: 0, current: 1, elapsed: Duration::ZERO }.quota().allowed);
    }
}
