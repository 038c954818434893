//! Every statement, and the only calls to the database.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::Page;
use contracts::user::{User, UserEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::event::{About, Origin, row};
use service::{App, Database};
use sidecar::{Result, Statement};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Identity;
use crate::token::Holder;
use service::secret::Hash;

pub mod invitations;

/// The constraint that an address in use violates.
pub const EMAIL_ONCE: &str = "users_email_once";

const SIGN_UP: Statement = Statement::new("sign_up", include_str!("store/sign_up.sql"));
const USER: Statement = Statement::new("user", include_str!("store/user.sql"));
const PEOPLE: Statement = Statement::new("people", include_str!("store/people.sql"));
const USER_BY_EMAIL: Statement = Statement::new("user_by_email", include_str!("store/user_by_email.sql"));
const CHANGE_USER: Statement = Statement::new("change_user", include_str!("store/change_user.sql"));
const GRANT_SCOPE: Statement = Statement::new("grant_scope", include_str!("store/grant_scope.sql"));
const GRANTED: Statement = Statement::new("granted", include_str!("store/granted.sql"));
const CLIENT: Statement = Statement::new("client", include_str!("store/client.sql"));
const CLIENT_OF_PERSON: Statement = Statement::new("client_of_person", include_str!("store/client_of_person.sql"));
const ISSUE_REFRESH_TOKEN: Statement = Statement::new("issue_refresh_token", include_str!("store/issue_refresh_token.sql"));
const REFRESH_TOKEN: Statement = Statement::new("refresh_token", include_str!("store/refresh_token.sql"));
const ROTATE_REFRESH_TOKEN: Statement = Statement::new("rotate_refresh_token", include_str!("store/rotate_refresh_token.sql"));
const REVOKE_REFRESH_TOKENS: Statement = Statement::new("revoke_refresh_tokens", include_str!("store/revoke_refresh_tokens.sql"));
const OPEN_SESSION: Statement = Statement::new("open_session", include_str!("store/open_session.sql"));
const USE_SESSION: Statement = Statement::new("use_session", include_str!("store/use_session.sql"));
const SESSION: Statement = Statement::new("session", include_str!("store/session.sql"));
const CLOSE_SESSION: Statement = Statement::new("close_session", include_str!("store/close_session.sql"));
const PURGE: Statement = Statement::new("purge", include_str!("store/purge.sql"));

/// A person and the hash of their password.
#[derive(Deserialize)]
pub struct Account {
    /// Argon2id, PHC format.
    pub password_hash: String,
    /// The person.
    pub user: User,
}

/// A person as those of their tenant see them.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Who.
    pub id: Uuid,
    /// How they want to be called.
    pub display_name: String,
    /// Their address.
    pub email: String,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
}

/// A client and the hash of its secret.
#[derive(Deserialize)]
pub struct Client {
    secret_hash: String,
    /// Whom it acts for.
    pub holder: Holder,
}

impl Client {
    /// The hash of its secret.
    pub fn secret_hash(&self) -> Hash {
        Hash::stored(self.secret_hash.clone())
    }
}

/// A refresh token as it stands.
#[derive(Deserialize)]
pub struct RefreshToken {
    /// Its row.
    pub id: Uuid,
    /// What it was granted.
    pub scope: String,
    /// Its time is over.
    pub expired: bool,
    /// It was used before, or its family was revoked.
    pub spent: bool,
    /// Whom it acts for.
    pub holder: Holder,
}

/// A session's person.
#[derive(Deserialize)]
pub struct Session {
    /// Who is signed in.
    pub user: User,
    /// What their token says.
    pub holder: Holder,
}

/// What someone may do.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Granted {
    /// Who.
    pub user_id: Uuid,
    /// Their address.
    pub email: String,
    /// All their scopes.
    pub scopes: Vec<String>,
}

/// When something begins and how long it lives.
#[derive(Clone, Copy)]
pub struct Life {
    /// Now.
    pub now: DateTime<Utc>,
    /// From now.
    pub length: TimeDelta,
}

impl Life {
    /// When it ends.
    pub fn end(self) -> DateTime<Utc> {
        self.now + self.length
    }
}

/// Identity's tables.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Over the app's database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// A new person with their first client, and the event; they use the invitation up, if they show one. False: it is no longer open.
    pub async fn sign_up(
        &self,
        user: &User,
        password_hash: &str,
        client_id: Uuid,
        secret_hash: &Hash,
        invitation_id: Option<Uuid>,
    ) -> Result<bool> {
        let events = [changed(user, user.created_at)?];
        let document = json!({
            "user": user, "password_hash": password_hash, "client_id": client_id, "secret_hash": secret_hash,
            "invitation_id": invitation_id, "events": events,
        });
        Ok(self.database.write(&SIGN_UP, &document).await? > 0)
    }

    /// A person.
    pub async fn user(&self, id: Uuid) -> Result<Option<User>> {
        self.database.read(&USER, &json!({ "id": id })).await
    }

    /// One page of a tenant's people.
    pub async fn people(&self, tenant_id: Uuid, (limit, offset): (i64, i64)) -> Result<Page<Person>> {
        self.database.read(&PEOPLE, &json!({ "tenant_id": tenant_id, "limit": limit, "offset": offset })).await
    }

    /// A person by their normal address.
    pub async fn account(&self, email: &str) -> Result<Option<Account>> {
        self.database.read(&USER_BY_EMAIL, &json!({ "email": email })).await
    }

    /// Stores a changed person, and the event. False: the version before it is no longer the current one.
    pub async fn change_user(&self, user: &User, now: DateTime<Utc>) -> Result<bool> {
        let document = json!({ "user": user, "now": now, "events": [changed(user, now)?] });
        Ok(self.database.write(&CHANGE_USER, &document).await? > 0)
    }

    /// Adds a scope to a person. False: nobody has this address.
    pub async fn grant(&self, email: &str, scope: &str) -> Result<bool> {
        Ok(self.database.write(&GRANT_SCOPE, &json!({ "email": email, "scope": scope })).await? > 0)
    }

    /// What a person may do.
    pub async fn granted(&self, email: &str) -> Result<Option<Granted>> {
        self.database.read(&GRANTED, &json!({ "email": email })).await
    }

    /// A client.
    pub async fn client(&self, id: Uuid) -> Result<Option<Client>> {
        self.database.read(&CLIENT, &json!({ "id": id })).await
    }

    /// What the tokens of a person's first client say.
    pub async fn client_of_person(&self, user_id: Uuid) -> Result<Option<Holder>> {
        self.database.read(&CLIENT_OF_PERSON, &json!({ "user_id": user_id })).await
    }

    /// Stores the first refresh token of a family.
    pub async fn issue(&self, holder: &Holder, token: &Hash, scope: &str, life: Life) -> Result<()> {
        let document = json!({
            "id": Uuid::now_v7(), "tenant_id": holder.tenant_id, "user_id": holder.user_id, "client_id": holder.client_id,
            "token_hash": token, "scope": scope, "created_at": life.now, "expires_at": life.end(),
        });
        self.database.write(&ISSUE_REFRESH_TOKEN, &document).await.map(drop)
    }

    /// A refresh token.
    pub async fn refresh_token(&self, token: &Hash, now: DateTime<Utc>) -> Result<Option<RefreshToken>> {
        self.database.read(&REFRESH_TOKEN, &json!({ "token_hash": token, "now": now })).await
    }

    /// Replaces a refresh token by its successor. False: it was used in the meantime.
    pub async fn rotate(&self, id: Uuid, successor: &Hash, life: Life) -> Result<bool> {
        let document =
            json!({ "id": id, "successor": Uuid::now_v7(), "token_hash": successor, "now": life.now, "expires_at": life.end() });
        Ok(self.database.write(&ROTATE_REFRESH_TOKEN, &document).await? > 0)
    }

    /// Ends the family of a refresh token. Gives how many tokens ended with it.
    pub async fn revoke(&self, token: &Hash, now: DateTime<Utc>) -> Result<u64> {
        self.database.write(&REVOKE_REFRESH_TOKENS, &json!({ "token_hash": token, "now": now })).await
    }

    /// Stores a session.
    pub async fn open_session(&self, user: &User, token: &Hash, life: Life) -> Result<()> {
        let document = json!({
            "id": Uuid::now_v7(), "tenant_id": user.tenant_id, "user_id": user.id, "token_hash": token, "created_at": life.now, "expires_at": life.end(),
        });
        self.database.write(&OPEN_SESSION, &document).await.map(drop)
    }

    /// Gives a session a full life again, and whose it is. None: there is no such session, or it has ended.
    pub async fn use_session(&self, token: &Hash, life: Life) -> Result<Option<Session>> {
        let document = json!({ "token_hash": token, "now": life.now, "expires_at": life.end() });
        if self.database.write(&USE_SESSION, &document).await? == 0 {
            return Ok(None);
        }
        self.database.read(&SESSION, &document).await
    }

    /// Ends a session, if it is there.
    pub async fn close_session(&self, token: &Hash) -> Result<()> {
        self.database.write(&CLOSE_SESSION, &json!({ "token_hash": token })).await.map(drop)
    }

    /// Removes what has ended. Gives how many rows.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64> {
        self.database.write(&PURGE, &json!({ "now": now })).await
    }
}

/// The event of a person's change, as an outbox row.
fn changed(user: &User, now: DateTime<Utc>) -> Result<Value> {
    let about = About { user_id: user.id, tenant_id: user.tenant_id, aggregate_id: user.id, version: user.version };
    let event = row(&Origin::current(Identity::ID), about, UserEvent::Changed { user: user.clone() }, now)?;
    serde_json::to_value(event)
        .map_err(|error| sidecar::Error::Malformed { call: "event user.changed".into(), detail: error.to_string() })
}
