//! State: get, save, delete, create-if-absent, with etags and expiry.

use std::collections::HashMap;
use std::time::Duration;

use dapr::dapr::proto::common::v1::{Etag, StateItem, StateOptions, state_options::StateConcurrency};
use dapr::dapr::proto::runtime::v1 as proto;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Sidecar;
use crate::error::{Error, Result};

/// One state store component. Cheap to clone.
#[derive(Clone)]
pub struct State {
    sidecar: Sidecar,
    store: String,
}

/// A stored value and the version it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    /// The version, for [`State::replace`] and [`State::delete`].
    pub etag: String,
}

impl Sidecar {
    /// The state store component `store`.
    pub fn state(&self, store: impl Into<String>) -> State {
        State { sidecar: self.clone(), store: store.into() }
    }
}

impl State {
    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// [`Error::Malformed`] when what is stored is not a `T`, else as every call.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Stored<T>>> {
        let request = proto::GetStateRequest { store_name: self.store.clone(), key: key.to_owned(), ..Default::default() };
        self.call(async {
            let (mut client, request) = self.sidecar.grpc(request);
            let answer = client.get_state(request).await.map_err(|status| self.failed(&status))?.into_inner();
            if answer.data.is_empty() {
                return Ok(None);
            }
            let value = serde_json::from_slice(&answer.data).map_err(|error| self.malformed(&error))?;
            Ok(Some(Stored { value, etag: answer.etag }))
        })
        .await
    }

    /// Saves `value` whatever was there before. `expiry` is in whole seconds, at least one.
    ///
    /// # Errors
    /// As every call.
    pub async fn save(&self, key: &str, value: &impl Serialize, expiry: Option<Duration>) -> Result<()> {
        self.write(key, value, None, StateConcurrency::ConcurrencyLastWrite, expiry).await
    }

    /// Saves `value` only if `key` has none.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is a value already.
    pub async fn create(&self, key: &str, value: &impl Serialize, expiry: Option<Duration>) -> Result<()> {
        match self.write(key, value, None, StateConcurrency::ConcurrencyFirstWrite, expiry).await {
            // The store refuses the second save with its own error and not with a stale etag; what is stored now tells the two apart.
            Err(Error::Refused { .. } | Error::NoAnswer { .. }) if self.get::<serde_json::Value>(key).await?.is_some() => {
                Err(Error::Conflict { call: self.name() })
            }
            other => other,
        }
    }

    /// Saves `value` only if the stored version is still `etag`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is not.
    pub async fn replace(&self, key: &str, value: &impl Serialize, etag: &str, expiry: Option<Duration>) -> Result<()> {
        self.write(key, value, Some(etag), StateConcurrency::ConcurrencyFirstWrite, expiry).await
    }

    /// Deletes `key`; with an `etag` only if that is still its version.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the etag is stale.
    pub async fn delete(&self, key: &str, etag: Option<&str>) -> Result<()> {
        let request = proto::DeleteStateRequest {
            store_name: self.store.clone(),
            key: key.to_owned(),
            etag: etag.map(|value| Etag { value: value.to_owned() }),
            options: Some(options(if etag.is_some() {
                StateConcurrency::ConcurrencyFirstWrite
            } else {
                StateConcurrency::ConcurrencyLastWrite
            })),
            ..Default::default()
        };
        self.call(async {
            let (mut client, request) = self.sidecar.grpc(request);
            client.delete_state(request).await.map_err(|status| self.failed(&status))?;
            Ok(())
        })
        .await
    }

    async fn write(
        &self,
        key: &str,
        value: &impl Serialize,
        etag: Option<&str>,
        concurrency: StateConcurrency,
        expiry: Option<Duration>,
    ) -> Result<()> {
        let metadata = expiry.map(|expiry| HashMap::from([("ttlInSeconds".to_owned(), expiry.as_secs().max(1).to_string())]));
        let item = StateItem {
            key: key.to_owned(),
            value: serde_json::to_vec(value).map_err(|error| self.malformed(&error))?,
            etag: etag.map(|value| Etag { value: value.to_owned() }),
            metadata: metadata.unwrap_or_default(),
            options: Some(options(concurrency)),
        };
        let request = proto::SaveStateRequest { store_name: self.store.clone(), states: vec![item] };
        self.call(async {
            let (mut client, request) = self.sidecar.grpc(request);
            client.save_state(request).await.map_err(|status| self.failed(&status))?;
            Ok(())
        })
        .await
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.sidecar.observed("state", &self.store, self.sidecar.inner.timeout, work).await
    }

    fn name(&self) -> String {
        format!("state {}", self.store)
    }

    /// daprd answers `Internal` when the store itself does not answer.
    fn failed(&self, status: &tonic::Status) -> Error {
        match status.code() {
            tonic::Code::Internal | tonic::Code::Unknown => {
                Error::NoAnswer { call: self.name(), detail: status.message().to_owned() }
            }
            _ => Error::from_status(&self.name(), status),
        }
    }

    fn malformed(&self, error: &serde_json::Error) -> Error {
        Error::Malformed { call: self.name(), detail: error.to_string() }
    }
}

fn options(concurrency: StateConcurrency) -> StateOptions {
    StateOptions { concurrency: concurrency as i32, ..Default::default() }
}
