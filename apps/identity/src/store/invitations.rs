//! The statements for invitations.

use chrono::{DateTime, Utc};
use contracts::Page;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Caller;
use service::secret::Hash;
use sidecar::{Result, Statement};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Life, Store};
use crate::invitation::Invitation;

const INVITE: Statement = Statement::new("invite", include_str!("invite.sql"));
const INVITATIONS: Statement = Statement::new("invitations", include_str!("invitations.sql"));
const OPEN_INVITATION: Statement = Statement::new("open_invitation", include_str!("open_invitation.sql"));
const REVOKE_INVITATION: Statement = Statement::new("revoke_invitation", include_str!("revoke_invitation.sql"));

/// An invitation that is open, as the people of its tenant see it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct OpenInvitation {
    /// Which.
    pub id: Uuid,
    /// The only address that may use it; null: whoever has the link.
    pub email: Option<String>,
    /// Who invited.
    pub user_id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Stores an invitation into the caller's tenant. False: there is no such person in it.
    pub async fn invite(&self, id: Uuid, caller: &Caller, email: Option<&str>, code: &Hash, life: Life) -> Result<bool> {
        let document = json!({
            "id": id, "tenant_id": caller.tenant_id, "user_id": caller.user_id, "email": email, "code_hash": code,
            "created_at": life.now, "expires_at": life.end(),
        });
        Ok(self.database.write(&INVITE, &document).await? > 0)
    }

    /// One page of a tenant's open invitations.
    pub async fn invitations(
        &self,
        tenant_id: Uuid,
        now: DateTime<Utc>,
        (limit, offset): (i64, i64),
    ) -> Result<Page<OpenInvitation>> {
        let document = json!({ "tenant_id": tenant_id, "now": now, "limit": limit, "offset": offset });
        self.database.read(&INVITATIONS, &document).await
    }

    /// The open invitation with this code.
    pub async fn open_invitation(&self, code: &Hash, now: DateTime<Utc>) -> Result<Option<Invitation>> {
        self.database.read(&OPEN_INVITATION, &json!({ "code_hash": code, "now": now })).await
    }

    /// Ends an open invitation of a tenant. False: there is no such one.
    pub async fn revoke_invitation(&self, id: Uuid, tenant_id: Uuid, now: DateTime<Utc>) -> Result<bool> {
        let document = json!({ "id": id, "tenant_id": tenant_id, "now": now });
        Ok(self.database.write(&REVOKE_INVITATION, &document).await? > 0)
    }
}
