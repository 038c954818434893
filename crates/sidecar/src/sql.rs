//! The PostgreSQL binding (`bindings.postgresql`), narrowed to what is safe with it.
//!
//! `query` answers 200 with `[]` when a statement fails while running, so a read is one statement that returns exactly one row holding
//! one JSON text, and anything else is an error. `exec` reports the SQLSTATE and the rows affected, so every write uses it. The only
//! parameter, `$1`, is one JSON document as text: numbers and UUIDs inside it keep their type. `begin` and `close` are never sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{LOOK_EVERY, Sidecar};
use crate::error::{Error, Result, is_known};

/// A named statement: one `.sql` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What logs, metrics and traces call it.
    pub name: &'static str,
    /// The text, as it can also be run by hand.
    pub text: Cow<'static, str>,
}

impl Statement {
    /// Names a statement, usually `Statement::new("create", include_str!("store/create.sql"))`.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text: Cow::Borrowed(text) }
    }

    /// Names a statement that is put together from fixed pieces. What a client sent is never one of them.
    pub const fn composed(name: &'static str, text: String) -> Self {
        Self { name, text: Cow::Owned(text) }
    }
}

/// How often a statement that was surely rolled back is sent again.
const REPEATS: u32 = 2;

/// How long a component is waited for that is just being replaced.
const REPLACED: Duration = Duration::from_secs(2);
/// What a sidecar says that takes up a changed component: it closes the old one, with its connections and those it is just opening, before the
/// new one is there. No statement was begun then.
const BEING_REPLACED: [&[&str]; 4] = [
    &["couldn't find output binding"],
    &["component is closed"],
    &["closed pool"],
    &["failed to connect to", "context canceled"],
];

/// One database behind one binding component. Cheap to clone.
#[derive(Clone)]
pub struct Sql {
    sidecar: Sidecar,
    component: String,
}

impl Sidecar {
    /// The database behind the binding `component`, such as `database-tasks`.
    pub fn sql(&self, component: impl Into<String>) -> Sql {
        Sql { sidecar: self.clone(), component: component.into() }
    }
}

impl Sql {
    /// Runs a read and decodes the one JSON text of its one row.
    ///
    /// # Errors
    /// [`Error::NoRow`] when there is not exactly one row of one text; [`Error::Database`] and [`Error::NoAnswer`] as for [`Sql::exec`].
    pub async fn query<T: DeserializeOwned>(&self, statement: &Statement, document: &impl Serialize) -> Result<T> {
        let params = params(statement, document)?;
        let mut attempt = 0;
        loop {
            match self.read(statement, params.as_deref()).await {
                // A read may be repeated whatever happened to the first one. An answer without a row is a session that was ended under it;
                // if it is a fault of the statement instead, the next answer is the same.
                Err(error) if is_worth_another(&error) && attempt < REPEATS => attempt += 1,
                other => return other,
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, statement: &Statement, params: Option<&str>) -> Result<T> {
        let answer = self.send(statement, "query", params).await?;
        let rows: Vec<Vec<serde_json::Value>> =
            serde_json::from_slice(&answer.body).map_err(|error| malformed(statement, &error))?;
        match rows.as_slice() {
            [row] => match row.as_slice() {
                [serde_json::Value::String(text)] => serde_json::from_str(text).map_err(|error| malformed(statement, &error)),
                _ => Err(Error::NoRow {
                    statement: statement.name.into(),
                    got: format!("a row of {} columns that is not one text", row.len()),
                }),
            },
            _ => Err(Error::NoRow { statement: statement.name.into(), got: format!("{} rows", rows.len()) }),
        }
    }

    /// Runs a write and gives the number of rows it affected.
    ///
    /// It is sent again only when the database itself says that it was rolled back by a conflict (class 40), or when the sidecar says that it
    /// never reached it, because the component was just being replaced.
    ///
    /// # Errors
    /// [`Error::Database`] with the SQLSTATE, [`Error::NoAnswer`] or [`Error::TimedOut`] when the outcome is not known.
    pub async fn exec(&self, statement: &Statement, document: &impl Serialize) -> Result<u64> {
        let params = params(statement, document)?;
        let params = params.as_deref();
        let mut attempt = 0;
        loop {
            match self.send(statement, "exec", params).await {
                Err(error) if error.sqlstate().is_some_and(|state| state.starts_with("40")) && attempt < REPEATS => attempt += 1,
                other => return other.map(|answer| answer.rows_affected),
            }
        }
    }

    /// Runs a file of many statements as one transaction: for migrations.
    ///
    /// # Errors
    /// As [`Sql::exec`]; nothing of the file was kept then.
    pub async fn script(&self, name: &str, text: &str) -> Result<()> {
        self.send_text(name, text, "exec", None).await.map(drop)
    }

    async fn send(&self, statement: &Statement, operation: &str, params: Option<&str>) -> Result<Answer> {
        self.send_text(statement.name, &statement.text, operation, params).await
    }

    async fn send_text(&self, name: &str, text: &str, operation: &str, params: Option<&str>) -> Result<Answer> {
        let inner = &self.sidecar.inner;
        let url = format!("{}/v1.0/bindings/{}", inner.base, self.component);
        let mut metadata = BTreeMap::from([("sql", text)]);
        if let Some(params) = params {
            metadata.insert("params", params);
        }
        let body = serde_json::json!({ "operation": operation, "metadata": metadata });
        self.sidecar
            .observed("sql", name, inner.timeout, async {
                let began = Instant::now();
                loop {
                    match self.attempt(name, &url, &body).await {
                        Err(error) if is_being_replaced(&error) && began.elapsed() < REPLACED => {
                            tokio::time::sleep(LOOK_EVERY).await;
                        }
                        other => return other,
                    }
                }
            })
            .await
    }

    async fn attempt(&self, name: &str, url: &str, body: &serde_json::Value) -> Result<Answer> {
        let inner = &self.sidecar.inner;
        let lost = |error: &reqwest::Error| Error::from_http(&format!("sql {name}"), error, inner.timeout);
        let mut headers = http::HeaderMap::new();
        self.sidecar.sign(&mut headers);
        let request = inner.http.post(url).headers(headers).json(body).build().map_err(|error| lost(&error))?;
        let response = self.sidecar.send(request).await.map_err(|error| lost(&error))?;
        let status = response.status();
        let rows_affected =
            response.headers().get("metadata.rows-affected").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
        let body = response.bytes().await.map_err(|error| lost(&error))?;
        if status.is_success() {
            return Ok(Answer { rows_affected, body });
        }
        Err(refusal(name, status, &String::from_utf8_lossy(&body)))
    }
}

fn is_being_replaced(error: &Error) -> bool {
    matches!(error, Error::NoAnswer { detail, .. } if is_known(detail, &BEING_REPLACED))
}

fn is_worth_another(error: &Error) -> bool {
    // A component that was waited for is not waited for again.
    matches!(error, Error::NoRow { .. })
        || (error.is_unavailable() && !matches!(error, Error::TimedOut { .. }) && !is_being_replaced(error))
}

struct Answer {
    rows_affected: u64,
    body: bytes::Bytes,
}

/// The parameters as daprd wants them: a JSON array whose only element is the document's text; none for a statement that asks for none.
fn params(statement: &Statement, document: &impl Serialize) -> Result<Option<String>> {
    if !statement.text.contains("$1") {
        return Ok(None);
    }
    let text = serde_json::to_string(document).map_err(|error| malformed(statement, &error))?;
    serde_json::to_string(&[text]).map(Some).map_err(|error| malformed(statement, &error))
}

fn malformed(statement: &Statement, error: &serde_json::Error) -> Error {
    Error::Malformed { call: format!("sql {}", statement.name), detail: error.to_string() }
}

/// Reads what the binding said of a failed statement. Without a SQLSTATE the database was not reached.
fn refusal(name: &str, status: http::StatusCode, detail: &str) -> Error {
    match between(detail, "(SQLSTATE ", ")") {
        Some(sqlstate) => Error::Database {
            statement: name.to_owned(),
            sqlstate: sqlstate.to_owned(),
            constraint: between(detail, "constraint \\\"", "\\\"").map(str::to_owned),
            detail: detail.to_owned(),
        },
        None if status.is_server_error() => Error::NoAnswer { call: format!("sql {name}"), detail: detail.to_owned() },
        None => Error::Refused { call: format!("sql {name}"), status: status.to_string(), detail: detail.to_owned() },
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_its_state_and_its_constraint() {
        let body = r#"{"message":"ERROR: duplicate key value violates unique constraint \"users_email_key\" (SQLSTATE 23505)"}"#;
        let error = refusal("create", http::StatusCode::INTERNAL_SERVER_ERROR, body);
        assert_eq!(error.sqlstate(), Some("23505"));
        assert_eq!(error.constraint(), Some("users_email_key"));
        assert!(!error.is_unavailable());
    }

    #[test]
    fn without_a_state_the_database_was_not_reached() {
        let error = refusal("create", http::StatusCode::INTERNAL_SERVER_ERROR, "failed to connect");
        assert!(error.is_unavailable() && is_worth_another(&error));
    }

    #[test]
    fn a_component_that_does_not_come_back_is_waited_for_once() {
        let words = r#"{"message":"error invoking output binding database-tasks: couldn't find output binding database-tasks"}"#;
        let error = refusal("read", http::StatusCode::INTERNAL_SERVER_ERROR, words);
        assert!(error.is_unavailable() && is_being_replaced(&error) && !is_worth_another(&error));
    }

    #[test]
    fn the_document_is_one_text_parameter() {
        let statement = Statement::new("read", "select $1::jsonb");
        assert_eq!(params(&statement, &serde_json::json!({ "n": 1 })).unwrap().unwrap(), r#"["{\"n\":1}"]"#);
        assert_eq!(params(&Statement::new("read", "select 1"), &()).unwrap(), None);
    }
}
