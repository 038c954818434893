//! `Idempotency-Key`: the answer of a request is stored by the same statement as its change, and a repeat gets it again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sidecar::Statement;
use uuid::Uuid;

use crate::database::Database;
use crate::problem::{Code, Problem};

/// The constraint that a key in use violates.
pub const CONSTRAINT: &str = "idempotency_keys_once";
/// Says that the answer is an earlier one.
pub const REPLAYED: &str = "idempotent-replayed";
const HEADER: &str = "idempotency-key";
const MAX_KEY: usize = 255;

const FIND: Statement = Statement::new(
    "idempotency.find",
    "select coalesce((select jsonb_build_object('request_hash', k.request_hash, 'status', k.status, 'body', k.body)
  from idempotency_keys k, jsonb_to_record($1::jsonb) as i(user_id uuid, key text)
  where k.user_id = i.user_id and k.key = i.key), 'null')::text",
);

/// A key as one request brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    user_id: Uuid,
    key: String,
    request_hash: String,
}

#[derive(Deserialize)]
struct Stored {
    request_hash: String,
    status: u16,
    body: Value,
}

impl Key {
    /// The key of a request, if it brought one. `operation` is part of the hash: a key belongs to one operation.
    ///
    /// # Errors
    /// 400 when it is not 1-255 visible ASCII characters.
    pub fn of(headers: &HeaderMap, user_id: Uuid, operation: &str, body: &[u8]) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let key = value.to_str().unwrap_or_default();
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::new(Code::BadRequest, "Idempotency-Key must be 1 to 255 visible ASCII characters."));
        }
        let hash = Sha256::new().chain_update(operation).chain_update([0]).chain_update(body).finalize();
        let request_hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(Self { user_id, key: key.to_owned(), request_hash }))
    }

    /// What the statement hands to `remember_answer`.
    pub fn remember(&self, status: StatusCode, body: &impl serde::Serialize) -> Value {
        json!({ "user_id": self.user_id, "key": self.key, "request_hash": self.request_hash, "status": status.as_u16(), "body": body })
    }

    /// The stored answer, after the statement violated [`CONSTRAINT`].
    ///
    /// # Errors
    /// 422 when the key was used with another body.
    pub async fn replay(&self, database: &Database) -> Result<Response, Problem> {
        let stored: Option<Stored> = database.read(&FIND, &json!({ "user_id": self.user_id, "key": self.key })).await?;
        // Gone between the two statements: its 24 hours just ended, and a repeat will be a first time.
        let stored =
            stored.ok_or_else(|| Problem::new(Code::Unavailable, "The key has just expired; try again.").retry_after(1))?;
        if stored.request_hash != self.request_hash {
            return Err(Problem::new(Code::KeyReused, "Use a new key for a new request."));
        }
        let status = StatusCode::from_u16(stored.status).map_err(Problem::internal)?;
        let mut response = (status, axum::Json(&stored.body)).into_response();
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        let location = stored.body.get("id").and_then(Value::as_str).filter(|_| status == StatusCode::CREATED);
        if let Some(id) = location
            && let Ok(value) = HeaderValue::from_str(id)
        {
            response.headers_mut().insert(header::CONTENT_LOCATION, value);
        }
        Ok(response)
    }
}

/// What the statement gets for `remember_answer`: `null` for a request without a key.
pub fn remembered(key: Option<&Key>, status: StatusCode, body: &impl serde::Serialize) -> Value {
    key.map_or(Value::Null, |key| key.remember(status, body))
}
