//! The token of a client that keeps a copy: from where on it has not seen what changed.
//!
//! PostgreSQL stamps each change with its transaction (`changed_in`). A read is told which transactions before it may still be on their way
//! (the snapshot's `xmin`), and the next round begins there: a change may come twice, and none is missed.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use service::fields::Ruled;
use service::{Code, Problem};
use uuid::Uuid;

/// Deleted tasks are known for 30 days; a copy that is older might keep one for ever. A day less, because the purge has a clock of its own.
const KEPT: TimeDelta = TimeDelta::days(29);

/// Where a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Changes of this transaction and of later ones are asked for; 0 for everything.
    pub since: u64,
    /// Within a round that has more than one page: where the next round begins, and the last change of the page before.
    pub round: Option<Round>,
    /// When the round before it began, in seconds since 1970; 0 for a client without a copy.
    pub issued: i64,
}

/// A round that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Where the next round begins: what the first page of this one saw.
    pub next: u64,
    /// Transaction of the last change of the page before.
    pub after: u64,
    /// Task of that change.
    pub task: Uuid,
}

impl Token {
    /// Reads one.
    ///
    /// # Errors
    /// The rule.
    pub fn parse(value: &Value) -> Ruled<Self> {
        let broken = || "must be a token of an answer before".to_owned();
        let parts: Vec<&str> = value.as_str().unwrap_or_default().split('.').collect();
        let number = |text: &str| text.parse::<u64>().map_err(|_| broken());
        let (issued, since, round) = match parts.as_slice() {
            [issued, since] => (issued, since, None),
            [issued, since, next, after, task] => {
                let task = task.parse().map_err(|_| broken())?;
                (issued, since, Some(Round { next: number(next)?, after: number(after)?, task }))
            }
            _ => return Err(broken()),
        };
        Ok(Self { since: number(since)?, round, issued: issued.parse().map_err(|_| broken())? })
    }

    /// Refuses one that is so old that a deletion may have been forgotten since.
    ///
    /// # Errors
    /// 410.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        let is_old = self.since > 0 && DateTime::from_timestamp(self.issued, 0).is_none_or(|issued| issued < now - KEPT);
        if is_old { Err(gone()) } else { Ok(()) }
    }

    /// The token after a page: of the next one when `last` says where this one ended, else of the next round.
    pub fn next(&self, seen: u64, last: Option<(u64, Uuid)>, now: DateTime<Utc>) -> Self {
        // A round is as old as its first page, and ends where that one saw the end.
        let (next, issued) = self.round.map_or((seen, now.timestamp()), |round| (round.next, self.issued));
        let round = last.map(|(after, task)| Round { next, after, task });
        Self { since: if round.is_some() { self.since } else { next }, round, issued }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.issued, self.since)?;
        self.round.map_or(Ok(()), |Round { next, after, task }| write!(f, ".{next}.{after}.{task}"))
    }
}

/// The copy cannot be brought up to date.
pub fn gone() -> Problem {
    Problem::new(Code::Gone, "The copy is too old to be brought up to date; begin anew without since.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_round_goes_on_where_its_page_ended_and_the_next_begins_where_it_began() {
        let task = Uuid::from_u128(7);
        let page = Token::default().next(50, Some((40, task)), now());
        assert_eq!(page.round, Some(Round { next: 50, after: 40, task }));
        let page = Token::parse(&json!(page.to_string())).unwrap();
        let later = now() + TimeDelta::seconds(9);
        let end = page.next(60, None, later);
        assert_eq!(end, Token { since: 50, round: None, issued: now().timestamp() });
        assert_eq!(Token::parse(&json!(end.to_string())).unwrap(), end);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for broken in ["", "1", "1.x", "1.2.3", "1.2.3.4.5", "-.1", "1.-2"] {
            assert!(Token::parse(&json!(broken)).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_copy_of_a_month_ago_begins_anew() {
        let token = Token::default().next(50, None, now());
        assert!(token.check(now() + TimeDelta::days(28)).is_ok());
        assert_eq!(token.check(now() + TimeDelta::days(30)).unwrap_err().code(), Code::Gone);
        assert!(Token::default().check(now()).is_ok());
    }
}
