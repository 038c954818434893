//! PostgreSQL as its administrator sees it: for looking, never for doing what an app should do.

use anyhow::{Context, Result};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

use crate::suite::Suite;

/// A connection of its own.
pub struct Database {
    client: Client,
}

impl Database {
    /// Connects to the suite's database.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn of(suite: &Suite) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(&suite.stack().postgres_url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// One number.
    ///
    /// # Errors
    /// When the statement fails or gives none.
    pub async fn count(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<i64> {
        let row = self.client.query_one(sql, params).await.with_context(|| sql.to_owned())?;
        Ok(row.try_get(0)?)
    }

    /// One JSON value: the statement's one column is `jsonb`.
    ///
    /// # Errors
    /// When the statement fails or gives none.
    pub async fn json(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<serde_json::Value> {
        let row = self.client.query_one(sql, params).await.with_context(|| sql.to_owned())?;
        Ok(row.try_get(0)?)
    }

    /// The connection itself.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
