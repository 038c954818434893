//! Who is who: people, sessions, client credentials, tokens and their keys.
//!
//! It keeps no secret that it gave out: of passwords an Argon2id hash, of everything random a SHA-256. In reading order:
//!
//! - [`config`]: how long what it gives out lives
//! - [`account`]: what a person's data must look like, and how it may change
//! - [`invitation`]: whom an invitation lets in
//! - [`password`], [`service::secret`]: what people choose and what we make
//! - [`key`], [`token`]: what tokens are signed with and what they say
//! - [`oauth`]: the words of RFC 6749 around `/auth`
//! - [`http`]: the routes; [`store`]: every statement; [`purge`]: what is thrown away
//! - [`metrics`]: what it counts

pub mod account;
pub mod config;
pub mod http;
pub mod invitation;
pub mod key;
pub mod metrics;
pub mod oauth;
pub mod password;
pub mod purge;
pub mod store;
pub mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use service::app::{SECRET_STORE, StartError};
use service::migrate::Migration;
use service::{App, Base, Clock, Parts};
use utoipa::OpenApi;

use crate::config::Settings;
use crate::key::Signer;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::store::Store;
use service::secret::Hash;

/// The secret that holds the signing key.
const KEY_SECRET: &str = "outrigger-jwt";
/// The secret that holds each app's client secret.
const CLIENTS_SECRET: &str = "outrigger-clients";

/// The app.
pub struct Identity;

/// What every handler may reach.
#[derive(Clone)]
pub struct Context {
    /// Lifetimes.
    pub settings: Settings,
    /// Where people reach the suite.
    pub public_url: String,
    /// Every statement.
    pub store: Store,
    /// The signing key and the published set.
    pub signer: Arc<Signer>,
    /// Hashing, a few at a time.
    pub passwords: Passwords,
    /// Secrets of the suite's own apps, hashed, by app id.
    pub apps: Arc<BTreeMap<String, Hash>>,
    /// Counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
}

impl App for Identity {
    const ID: &'static str = "identity";
    const MIGRATIONS: &'static [Migration] = &[
        Migration::new(1, "initial_schema", include_str!("../migrations/001_initial_schema.sql")),
        Migration::new(2, "invitations", include_str!("../migrations/002_invitations.sql")),
    ];
    type Settings = Settings;

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, settings: Settings) -> Result<Parts, StartError> {
        let signer = Signer::of(&base.sidecar.secret(SECRET_STORE, KEY_SECRET).await?).map_err(StartError::Other)?;
        // Verifies its callers without asking itself over the network.
        base.keys.put(signer.published()).await;
        let apps = base.sidecar.secret(SECRET_STORE, CLIENTS_SECRET).await?;
        let context = Context {
            settings,
            public_url: base.settings.public_url.clone(),
            store: Store::new(base.database.clone()),
            signer: Arc::new(signer),
            passwords: Passwords::new().await.map_err(|problem| StartError::Other(format!("{problem:?}")))?,
            apps: Arc::new(apps.into_iter().map(|(app, secret)| (app, Hash::of(&secret))).collect()),
            metrics: Metrics::register(&base.metrics),
            clock: base.clock.clone(),
        };
        let purge = purge::run(context.store.clone(), context.clock.clone(), context.settings.purge_every, base.stop.clone());
        Ok(Parts {
            public: http::public(context.clone()),
            internal: http::internal(context),
            background: vec![Box::pin(purge)],
            ..Parts::default()
        })
    }
}
