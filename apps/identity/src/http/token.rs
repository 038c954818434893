//! `POST /auth/token`: an access token for client credentials (RFC 6749, 4.4), or for the address and password of a person (4.3): the suite's
//! own command line asks for them, and keeps only the tokens.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use service::Problem;
use service::config::Secret;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::oauth::{Parameters, Refusal};
use crate::store::Life;
use crate::token::{self, Holder};
use crate::{Context, account};
use service::secret::{self, Hash};

/// A program that acts for a person, or an app of the suite.
const OF_CLIENT: &str = "client_credentials";
/// A person who is there.
const OF_PERSON: &str = "password";

/// A client is refused no sooner: several times what finding out takes.
const REFUSED_AFTER: Duration = Duration::from_millis(25);

/// What a client shows, or a person.
#[derive(ToSchema)]
pub struct TokenRequest {
    /// `client_credentials` or `password`.
    pub grant_type: String,
    /// Of a client, from sign-up.
    pub client_id: Option<String>,
    /// Of a client, from sign-up.
    pub client_secret: Option<String>,
    /// Of a person: their address.
    pub username: Option<String>,
    /// Of a person.
    pub password: Option<String>,
    /// What the token is for; everything the client may, when absent.
    pub scope: Option<String>,
}

/// What a client gets.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// Goes into `Authorization: Bearer`.
    pub access_token: String,
    /// Gives the next access token, once; absent for an app of the suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Life of the access token, in seconds.
    pub expires_in: i64,
    /// What the token is for.
    pub scope: String,
}

impl TokenAnswer {
    /// The answer for whoever acts for a person.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn of_person(context: &Context, holder: &Holder, scope: String, refresh_token: String) -> Result<Self, Problem> {
        let life = context.settings.access_token;
        let access_token = context.signer.sign(&holder.claims(scope.clone(), context.clock.now(), life))?;
        Ok(Self { access_token, refresh_token: Some(refresh_token), token_type: "Bearer", expires_in: life.num_seconds(), scope })
    }
}

/// Get a token
///
/// For a client of a person, or the person themselves, with a refresh token; for an app of the suite, without one.
#[utoipa::path(
    post, path = "/auth/token", tag = "auth", operation_id = "issue_token",
    request_body(content(
        (TokenRequest = "application/json", example = json!({ "grant_type": "client_credentials", "client_id": "0190f5a0-0000-7000-8000-000000000000", "client_secret": "from sign-up" })),
        (TokenRequest = "application/x-www-form-urlencoded", example = json!({ "grant_type": "client_credentials", "client_id": "0190f5a0-0000-7000-8000-000000000000", "client_secret": "from sign-up" }))
    )),
    responses((status = 200, description = "A token", body = TokenAnswer), service::openapi::Refusals),
    extensions(("x-door" = json!("open")))
)]
pub async fn token(State(context): State<Context>, mut parameters: Parameters) -> Result<Json<TokenAnswer>, Refusal> {
    let grant_type = parameters.required("grant_type")?;
    let (grant, answer) = match grant_type.as_str() {
        OF_CLIENT => (OF_CLIENT, of_client(&context, &mut parameters).await),
        OF_PERSON => (OF_PERSON, of_person(&context, &mut parameters).await),
        _ => return Err(Refusal::unsupported_grant_type()),
    };
    match &answer {
        Ok(_) => context.metrics.passed(grant),
        Err(_) => context.metrics.refused(grant),
    }
    answer.map(Json)
}

async fn of_client(context: &Context, parameters: &mut Parameters) -> Result<TokenAnswer, Refusal> {
    let (id, shown) = (parameters.required("client_id")?, Hash::of(&parameters.required("client_secret")?));
    let scope = parameters.optional("scope");
    match context.apps.get(&id) {
        Some(kept) => app_token(context, &id, &shown, kept, scope),
        None => client_token(context, &id, &shown, scope.as_deref()).await,
    }
}

/// An address that nobody has takes the same time as a wrong password.
async fn of_person(context: &Context, parameters: &mut Parameters) -> Result<TokenAnswer, Refusal> {
    let (email, password) = (parameters.required("username")?, Secret::new(parameters.required("password")?));
    let scope = parameters.optional("scope");
    // What cannot be an address is one that nobody has.
    let known = context.store.account(&account::email(&email.into()).unwrap_or_default()).await?;
    let kept = known.as_ref().map(|account| account.password_hash.clone());
    let matches = context.passwords.verify(password, kept).await?;
    let wrong = || Refusal::invalid_grant("There is no account with this address and password.");
    let account = known.filter(|_| matches).ok_or_else(wrong)?;
    let holder = context.store.client_of_person(account.user.id).await?.ok_or_else(wrong)?;
    first_tokens(context, &holder, scope.as_deref()).await
}

/// App ids are no secret, so it may show in the time that this one is an app's.
fn app_token(context: &Context, app: &str, shown: &Hash, kept: &Hash, scope: Option<String>) -> Result<TokenAnswer, Refusal> {
    if !shown.matches(kept) {
        return Err(Refusal::invalid_client());
    }
    let scope = scope.filter(|scope| token::callee(scope).is_some_and(|callee| context.apps.contains_key(callee)));
    let scope = scope.ok_or_else(|| Refusal::invalid_scope("scope must be internal:<app>, with an app of the suite."))?;
    let life = context.settings.access_token;
    let access_token = context.signer.sign(&token::of_app(app, scope.clone(), context.clock.now(), life))?;
    Ok(TokenAnswer { access_token, refresh_token: None, token_type: "Bearer", expires_in: life.num_seconds(), scope })
}

/// An unknown client costs the same read and the same comparison as a wrong secret; what is left of a difference, such as reading a row that is
/// there, is over before either is refused.
async fn client_token(context: &Context, id: &str, shown: &Hash, scope: Option<&str>) -> Result<TokenAnswer, Refusal> {
    let refused_at = tokio::time::sleep(REFUSED_AFTER);
    let client = context.store.client(id.parse().unwrap_or(Uuid::nil())).await?;
    let kept = client.as_ref().map_or_else(Hash::of_nothing, |client| client.secret_hash());
    let matches = shown.matches(&kept);
    let Some(client) = client.filter(|_| matches) else {
        refused_at.await;
        return Err(Refusal::invalid_client());
    };
    first_tokens(context, &client.holder, scope).await
}

/// An access token and the first refresh token of a family.
async fn first_tokens(context: &Context, holder: &Holder, scope: Option<&str>) -> Result<TokenAnswer, Refusal> {
    let scope = holder.grant(scope).ok_or_else(|| Refusal::invalid_scope("The client may not have this scope."))?;
    let refresh_token = secret::new()?;
    let life = Life { now: context.clock.now(), length: context.settings.refresh_token };
    context.store.issue(holder, &Hash::of(refresh_token.reveal()), &scope, life).await?;
    Ok(TokenAnswer::of_person(context, holder, scope, refresh_token.reveal().to_owned())?)
}
