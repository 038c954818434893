//! The statements for feeds.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use service::Caller;
use service::secret::Hash;
use sidecar::{Result, Statement};
use uuid::Uuid;

use super::Store;
use crate::http::Feed;

const MAKE: Statement = Statement::new("feeds.make", include_str!("make_feed.sql"));
const SHOW: Statement = Statement::new("feeds.show", include_str!("show_feed.sql"));
const FIND: Statement = Statement::new("feeds.find", include_str!("find_feed.sql"));
const REVOKE: Statement = Statement::new("feeds.revoke", include_str!("revoke_feed.sql"));

/// Whose feed a key opens.
#[derive(Clone, Debug, Deserialize)]
pub struct Reading {
    /// Whose.
    pub user_id: Uuid,
    /// The zone they live in, as far as it is known.
    pub timezone: Option<String>,
}

impl Store {
    /// Makes the feed of a person, or gives theirs a new key.
    ///
    /// # Errors
    /// As every statement.
    pub async fn make_feed(&self, owner: &Caller, key_hash: &Hash, created_at: DateTime<Utc>) -> Result<u64> {
        let document = json!({
            "user_id": owner.user_id, "tenant_id": owner.tenant_id, "key_hash": key_hash, "created_at": created_at,
        });
        self.database.write(&MAKE, &document).await
    }

    /// What a person may know of their feed, if there is one.
    ///
    /// # Errors
    /// As every statement.
    pub async fn show_feed(&self, user_id: Uuid) -> Result<Option<Feed>> {
        self.database.read(&SHOW, &json!({ "user_id": user_id })).await
    }

    /// Whose feed the key with this hash opens.
    ///
    /// # Errors
    /// As every statement.
    pub async fn find_feed(&self, key_hash: &Hash) -> Result<Option<Reading>> {
        self.database.read(&FIND, &json!({ "key_hash": key_hash })).await
    }

    /// Takes a person's feed away; 0 when there is none.
    ///
    /// # Errors
    /// As every statement.
    pub async fn revoke_feed(&self, user_id: Uuid) -> Result<u64> {
        self.database.write(&REVOKE, &json!({ "user_id": user_id })).await
    }
}
