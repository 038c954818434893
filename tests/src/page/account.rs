//! Somebody who uses the pages, and the same person at the API: for what happens elsewhere, and for looking.

use anyhow::{Context, Result};
use serde_json::Value;
use uuid::Uuid;

use super::Browser;
use crate::database::Database;
use crate::person::Person;
use crate::suite::Suite;

/// Everyone's password.
pub const PASSWORD: &str = "correct horse battery";

/// Somebody who signed up on the page.
pub struct Account {
    /// Their address.
    pub email: String,
    /// The same person with a token.
    pub person: Person,
}

impl Account {
    /// Fills the sign-up page in and arrives at the list.
    ///
    /// # Errors
    /// When one of the two does not come.
    pub async fn sign_up(browser: &Browser, suite: &Suite) -> Result<Self> {
        let email = format!("ada.{}@example.com", Uuid::new_v4().simple());
        browser.goto("/app/sign-up").await?;
        browser.types("#display_name", "Ada").await?;
        browser.types("#email", &email).await?;
        browser.types("#password", PASSWORD).await?;
        browser.click("#sign-up button").await?;
        browser.arrives("/app").await?;
        Self::known(suite, email).await
    }

    /// Whoever signed up with this address.
    ///
    /// # Errors
    /// When nobody did.
    pub async fn known(suite: &Suite, email: String) -> Result<Self> {
        let sql = "select jsonb_build_object('user', id, 'tenant', tenant_id) from identity.users where email = $1";
        let ids: Value = Database::of(suite).await?.json(sql, &[&email]).await.context("nobody has this address")?;
        let id = |name: &str| ids[name].as_str().unwrap_or_default().parse::<Uuid>();
        let person = Person { user_id: id("user")?, tenant_id: id("tenant")?, ..suite.person()? }.with_token(|_| {})?;
        Ok(Self { email, person })
    }

    /// Fills the sign-in page in.
    ///
    /// # Errors
    /// When it is not shown.
    pub async fn sign_in(&self, browser: &Browser) -> Result<()> {
        browser.sees("#sign-in").await?;
        browser.fills("#email", &self.email).await?;
        browser.types("#password", PASSWORD).await?;
        browser.click("#sign-in button").await
    }
}
