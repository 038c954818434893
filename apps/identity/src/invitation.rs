//! The rules of an invitation: whom it lets in, and what is said to whom it does not.

use serde::Deserialize;
use service::Problem;
use service::config::Secret;
use uuid::Uuid;

/// An invitation that is open, as it is known to whoever shows its code.
#[derive(Deserialize)]
pub struct Invitation {
    /// Which.
    pub id: Uuid,
    /// Where it leads.
    pub tenant_id: Uuid,
    /// Whom it is for; absent: whoever has the code.
    email: Option<String>,
}

impl Invitation {
    /// Whether somebody with this normal address may use it.
    ///
    /// # Errors
    /// Names the field; whom it is for is not said.
    pub fn admits(&self, email: &str) -> Result<(), Problem> {
        match self.email.as_deref() {
            Some(invited) if invited != email => Err(Problem::field("email", "must be the address that was invited")),
            _ => Ok(()),
        }
    }
}

/// Unknown, used, revoked or ended; which is not said.
pub fn not_open() -> Problem {
    Problem::field("invitation", "is not open: it was used or withdrawn, or has ended")
}

/// Where somebody signs up who has the code.
pub fn link(public_url: &str, code: &Secret) -> String {
    format!("{}/app/sign-up?invitation={}", public_url.trim_end_matches('/'), code.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(email: Option<&str>) -> Invitation {
        Invitation { id: Uuid::nil(), tenant_id: Uuid::nil(), email: email.map(str::to_owned) }
    }

    #[test]
    fn an_address_that_was_invited_is_the_only_one_that_is_let_in() {
        assert!(invitation(None).admits("ada@example.com").is_ok());
        assert!(invitation(Some("ada@example.com")).admits("ada@example.com").is_ok());
        let refused = invitation(Some("ada@example.com")).admits("eve@example.com").unwrap_err();
        assert_eq!(refused.errors()[0].field, "email");
        assert!(!refused.errors()[0].message.contains("ada"));
    }

    #[test]
    fn a_link_begins_with_the_public_address() {
        for url in ["https://outrigger.example", "https://outrigger.example/"] {
            assert_eq!(link(url, &Secret::new("a-b_c")), "https://outrigger.example/app/sign-up?invitation=a-b_c");
        }
    }
}
