//! The rules of trying: how often, how long between, and what is not worth a second try.

use std::time::Duration;

use sidecar::Error;

use crate::channel::Channel;

/// Attempts of one message in all.
pub const MAX_ATTEMPTS: i32 = 3;
/// Wait after the first and after the second attempt.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// A wait is this much longer or shorter at most, so that what failed together does not come back together.
const JITTER: f64 = 0.2;

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// For the record.
    pub error: String,
    /// Whether another attempt would be refused in the same way.
    pub is_permanent: bool,
}

impl Failed {
    /// Reads what the binding said.
    pub fn of(channel: Channel, error: &Error) -> Self {
        let detail = match error {
            Error::Refused { detail, .. } => detail.as_str(),
            // No word from the component: nothing is known, so nothing is final.
            _ => "",
        };
        let is_permanent = match channel {
            Channel::InApp => false,
            Channel::Email => smtp_code(detail).is_some_and(|code| code / 100 == 5 && code / 10 != 53),
            Channel::Sms => {
                http_status(detail).is_some_and(|status| status / 100 == 4 && ![401, 403, 408, 425, 429].contains(&status))
            }
        };
        Self { error: error.to_string(), is_permanent }
    }
}

/// Whether this was the last attempt.
pub fn is_last(attempt: i32, failed: &Failed) -> bool {
    failed.is_permanent || attempt >= MAX_ATTEMPTS
}

/// How long to wait after the failed attempt number `attempt`; `chance` is from 0 to 1.
pub fn wait(attempt: i32, chance: f64) -> Duration {
    let index = usize::try_from(attempt - 1).unwrap_or_default().min(WAITS.len() - 1);
    WAITS[index].mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
}

/// The reply code in the SMTP component's words (`... could not send email 1: 550 no such user`): three digits after a colon, before a
/// space or a hyphen. Codes of 53x speak of our own sign-in, which is not the recipient's fault.
fn smtp_code(detail: &str) -> Option<u16> {
    detail.split(": ").find_map(|part| {
        let (code, rest) = part.split_at_checked(3)?;
        let ends = rest.is_empty() || rest.starts_with([' ', '-']);
        if ends && code.bytes().all(|byte| byte.is_ascii_digit()) { code.parse().ok() } else { None }
    })
}

/// The status in the words of the HTTP component (`received status code 404`) or of Twilio's (`error from Twilio (400): ...`).
fn http_status(detail: &str) -> Option<u16> {
    let rest = ["status code ", "error from Twilio ("].iter().find_map(|before| detail.split_once(before))?.1;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(detail: &str) -> Error {
        Error::Refused { call: "binding".into(), status: "Internal".into(), detail: detail.into() }
    }

    #[test]
    fn a_refused_address_is_final_and_a_busy_server_is_not() {
        let mail = |detail: &str| Failed::of(Channel::Email, &refused(detail)).is_permanent;
        let said = "error invoking output binding email: error from smtp binding, sending email failed: gomail: could not send email 1: ";
        assert!(mail(&format!("{said}550 5.1.1 no such user")));
        assert!(mail(&format!("{said}553-bad address")));
        assert!(!mail(&format!("{said}451 try again later")));
        assert!(!mail(
            "error invoking output binding email: error from smtp binding, sending email failed: 535 wrong user or password"
        ));
        assert!(!mail("sending email failed: dial tcp 127.0.0.1:550: connect: connection refused"));
        assert!(!Failed::of(Channel::Email, &Error::NoAnswer { call: "binding".into(), detail: "x: 550 y".into() }).is_permanent);
    }

    #[test]
    fn a_refused_number_is_final_and_a_limit_is_not() {
        let sms = |detail: &str| Failed::of(Channel::Sms, &refused(detail)).is_permanent;
        assert!(sms("error invoking output binding sms: received status code 400"));
        assert!(sms("error invoking output binding sms: error from Twilio (404): Not Found"));
        assert!(!sms("error invoking output binding sms: received status code 429"));
        assert!(!sms("error invoking output binding sms: received status code 503"));
        assert!(!sms("dial tcp 127.0.0.1:400: connect: connection refused"));
    }

    #[test]
    fn three_attempts_one_and_two_seconds_apart() {
        let busy = Failed { error: String::new(), is_permanent: false };
        assert!(!is_last(1, &busy) && !is_last(2, &busy) && is_last(3, &busy));
        assert!(is_last(1, &Failed { is_permanent: true, ..busy }));
        assert_eq!(wait(1, 0.5), Duration::from_secs(1));
        assert_eq!(wait(2, 0.5), Duration::from_secs(2));
        assert_eq!(wait(1, 0.0), Duration::from_millis(800));
        assert_eq!(wait(2, 1.0), Duration::from_millis(2400));
    }
}
